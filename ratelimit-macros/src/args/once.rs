//! Values that are made once, not at every call: what the attribute evaluates each time must not be a constructor.

use syn::Expr;

/// How the values of a type are made.
pub(super) struct Once {
    ty: &'static str,
    constructors: &'static [&'static str],
    builders: &'static [&'static str],
}

pub(super) const BUCKET: Once = Once {
    ty: "Bucket",
    constructors: &["new", "named", "unlimited", "learned", "with_policy"],
    builders: &[
        "and",
        "total",
        "max_delay",
        "guard",
        "max_keys",
        "in_flight",
        "max_waiting",
        "max_pause",
        "remember",
        "server_names",
        "clock",
        "store",
    ],
};

pub(super) const REGISTRY: Once = Once {
    ty: "Registry",
    constructors: &["new", "builder"],
    builders: &["clock", "store", "guard", "max_delay", "build"],
};

impl Once {
    /// `Bucket::named(..)` and the like, by whatever path, with or without builder methods behind.
    pub(super) fn is_made_by(&self, value: &Expr) -> bool {
        match value {
            Expr::Group(inner) => self.is_made_by(&inner.expr),
            Expr::Paren(inner) => self.is_made_by(&inner.expr),
            Expr::Reference(inner) => self.is_made_by(&inner.expr),
            Expr::MethodCall(call) => {
                self.builders.contains(&call.method.to_string().as_str()) && self.is_made_by(&call.receiver)
            }
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) => {
                    let mut segments =
                        path.path.segments.iter().rev().map(|segment| segment.ident.to_string());
                    segments.next().is_some_and(|last| self.constructors.contains(&last.as_str()))
                        && segments.next().is_some_and(|ty| ty == self.ty)
                }
                _ => false,
            },
            _ => false,
        }
    }
}
