//! What is asked: `bucket`, `rate` and `burst` together.

use proc_macro2::Span;
use syn::Ident;

use super::value::limit;
use super::{Parameter, Reader, Target, Weight, literal};
use crate::errors::Errors;

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Target> {
    let bucket = reader.pair(Parameter::Bucket, limit::bucket).map(|(_, bucket)| bucket);
    let rate = reader.pair(Parameter::Rate, limit::rate);
    let burst = reader.pair(Parameter::Burst, limit::burst).and_then(|(name, burst)| Some((name, burst?)));
    if let (None, Some((name, _))) = (&rate, &burst)
        && !reader.list.has(Parameter::Rate)
    {
        let message = match &bucket {
            Some(Some(limit::Bucket::Expression(_))) => {
                "`burst` cannot stand beside a `bucket` expression; give it to that bucket's rate, \
                 as in `Rate::per_second(10).burst(30)`"
            }
            _ => "`burst` needs a `rate`; write both, as in `rate = \"10/s\", burst = 30`",
        };
        reader.at(Parameter::Burst).at(name.span(), message);
    }
    let rate = rate.map(|(name, rate)| {
        let errors = reader.at(Parameter::Burst);
        (name, rate.and_then(|rate| with_burst(rate, burst, errors)))
    });
    match (bucket, rate) {
        (Some(Some(limit::Bucket::Expression(bucket))), Some((name, _))) => {
            reader.at(Parameter::Rate).at(
                name.span(),
                "`rate` cannot stand beside a `bucket` expression; \
                 remove `rate`, or name the bucket by a string literal",
            );
            Some(Target::Dynamic(bucket))
        }
        (Some(bucket), None) => bucket.map(|bucket| match bucket {
            limit::Bucket::Name(name) => Target::Named(name),
            limit::Bucket::Expression(bucket) => Target::Dynamic(bucket),
        }),
        (Some(Some(limit::Bucket::Name(bucket))), Some((_, rate))) => {
            rate.map(|rate| Target::Declared(bucket, rate))
        }
        (Some(None), Some(_)) => None,
        (None, Some((_, rate))) => rate.map(Target::Own),
        (None, None) => {
            missing(reader);
            None
        }
    }
}

fn with_burst(
    rate: literal::Rate,
    burst: Option<(Ident, u32)>,
    errors: &mut Errors,
) -> Option<literal::Rate> {
    use literal::Shape::{Burst, Fixed, Sliding};
    match (rate.shape, burst) {
        (_, None) => Some(rate),
        (Sliding, Some((_, burst))) => Some(literal::Rate { shape: Burst(burst), ..rate }),
        (Burst(burst), Some((name, _))) => {
            errors.at(name.span(), format!("the rate has `burst {burst}` already; remove one of the two"));
            None
        }
        (Fixed, Some((name, _))) => {
            errors.at(name.span(), "a fixed window has no burst; remove `burst`, or `fixed` from the rate");
            None
        }
    }
}

/// Silent where what was meant for one of them has been reported already: one mistake, one error.
fn missing(reader: &mut Reader<'_>) {
    let meant = [Parameter::Bucket, Parameter::Rate, Parameter::Burst];
    if !meant.into_iter().any(|parameter| reader.list.has(parameter)) {
        reader.at(Parameter::Bucket).at(
            Span::call_site(),
            "missing `bucket`; write `#[rate_limited(bucket = \"name\")]`, \
             or declare a limit in place with `rate = \"10/s\"`",
        );
    }
}

/// A literal weight above what a literal rate can ever let through at once.
pub(super) fn fits(target: &Target, weight: &Weight, errors: &mut Errors) {
    let (Target::Declared(_, rate) | Target::Own(rate), &Weight::Literal(weight, span)) = (target, weight)
    else {
        return;
    };
    let (most, what) = match rate.shape {
        literal::Shape::Burst(burst) => (burst, "burst"),
        literal::Shape::Sliding | literal::Shape::Fixed => (rate.amount, "rate"),
    };
    if weight > most {
        let message = format!(
            "`weight` {weight} is more than the {what} of {most}; such a call could never start, \
             lower the weight or raise the {what}"
        );
        errors.at(span, message);
    }
}
