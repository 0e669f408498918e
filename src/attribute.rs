#![doc = include_str!("attribute/index.md")]

/// Empty modules, each with a page of text.
macro_rules! pages {
    ($($name:ident: $file:literal,)*) => {
        $(#[doc = include_str!($file)]
        pub mod $name {})*
    };
}

pages! {
    bucket: "attribute/bucket.md",
    key: "attribute/key.md",
    weight: "attribute/weight.md",
    max_delay: "attribute/max_delay.md",
    rate: "attribute/rate.md",
    burst: "attribute/burst.md",
    on_limited: "attribute/on_limited.md",
    permit: "attribute/permit.md",
    registry: "attribute/registry.md",
    krate: "attribute/crate.md",
    functions: "attribute/functions.md",
    order: "attribute/order.md",
}

pub mod messages {
    #![doc = include_str!("attribute/messages.md")]

    pages! {
        missing_bucket: "attribute/messages/missing_bucket.md",
        unknown_parameter: "attribute/messages/unknown_parameter.md",
        duplicate_parameter: "attribute/messages/duplicate_parameter.md",
        positional_value: "attribute/messages/positional_value.md",
        parameter_name: "attribute/messages/parameter_name.md",
        missing_equals: "attribute/messages/missing_equals.md",
        missing_value: "attribute/messages/missing_value.md",
        missing_comma: "attribute/messages/missing_comma.md",
        value_broken_off: "attribute/messages/value_broken_off.md",
        not_a_function: "attribute/messages/not_a_function.md",
        const_function: "attribute/messages/const_function.md",
        function_without_body: "attribute/messages/function_without_body.md",
        future_without_a_block: "attribute/messages/future_without_a_block.md",
        return_type: "attribute/messages/return_type.md",
        argument_under_async_trait: "attribute/messages/argument_under_async_trait.md",
        private_names: "attribute/messages/private_names.md",
        bucket_literal: "attribute/messages/bucket_literal.md",
        bucket_name: "attribute/messages/bucket_name.md",
        bucket_array: "attribute/messages/bucket_array.md",
        bucket_made_at_every_call: "attribute/messages/bucket_made_at_every_call.md",
        bucket_type: "attribute/messages/bucket_type.md",
        key_constant: "attribute/messages/key_constant.md",
        key_placeholder: "attribute/messages/key_placeholder.md",
        key_braces: "attribute/messages/key_braces.md",
        key_quoted_closure: "attribute/messages/key_quoted_closure.md",
        key_tuple: "attribute/messages/key_tuple.md",
        key_type: "attribute/messages/key_type.md",
        key_unresolved: "attribute/messages/key_unresolved.md",
        key_self: "attribute/messages/key_self.md",
        key_moved: "attribute/messages/key_moved.md",
        unknown_argument: "attribute/messages/unknown_argument.md",
        closure_parameter: "attribute/messages/closure_parameter.md",
        closure_self: "attribute/messages/closure_self.md",
        closure_modifier: "attribute/messages/closure_modifier.md",
        weight_zero: "attribute/messages/weight_zero.md",
        weight_negative: "attribute/messages/weight_negative.md",
        weight_literal: "attribute/messages/weight_literal.md",
        weight_suffix: "attribute/messages/weight_suffix.md",
        weight_too_large: "attribute/messages/weight_too_large.md",
        weight_above_rate: "attribute/messages/weight_above_rate.md",
        weight_type: "attribute/messages/weight_type.md",
        max_delay_text: "attribute/messages/max_delay_text.md",
        max_delay_ambiguous: "attribute/messages/max_delay_ambiguous.md",
        max_delay_literal: "attribute/messages/max_delay_literal.md",
        max_delay_type: "attribute/messages/max_delay_type.md",
        rate_text: "attribute/messages/rate_text.md",
        rate_literal: "attribute/messages/rate_literal.md",
        rate_beside_bucket: "attribute/messages/rate_beside_bucket.md",
        burst_without_rate: "attribute/messages/burst_without_rate.md",
        burst_literal: "attribute/messages/burst_literal.md",
        burst_zero: "attribute/messages/burst_zero.md",
        burst_twice: "attribute/messages/burst_twice.md",
        burst_of_a_fixed_window: "attribute/messages/burst_of_a_fixed_window.md",
        on_limited_literal: "attribute/messages/on_limited_literal.md",
        on_limited_async: "attribute/messages/on_limited_async.md",
        on_limited_type: "attribute/messages/on_limited_type.md",
        on_limited_parameters: "attribute/messages/on_limited_parameters.md",
        permit_name: "attribute/messages/permit_name.md",
        permit_shadows: "attribute/messages/permit_shadows.md",
        permit_unused: "attribute/messages/permit_unused.md",
        permit_moved: "attribute/messages/permit_moved.md",
        permit_before_the_future: "attribute/messages/permit_before_the_future.md",
        registry_literal: "attribute/messages/registry_literal.md",
        registry_made_at_every_call: "attribute/messages/registry_made_at_every_call.md",
        registry_type: "attribute/messages/registry_type.md",
        crate_path: "attribute/messages/crate_path.md",
    }
}
