//! A subscriber that writes down what it is told, and one that cannot bear it.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What was told, a line each: level, name, and the fields by name.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

/// The fields of one event.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        assert_eq!(metadata.target(), "rate_limited");
        true
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        assert!(fields.0.remove("message").is_some_and(|message| !message.is_empty()));
        let mut line = format!("{} {}", event.metadata().level(), event.metadata().name());
        for (name, value) in fields.0 {
            write!(line, " {name}={value}").expect("text takes everything");
        }
        self.0.lock().expect("nobody panics under it").push(line);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// What `act` does, and what is told on this thread meanwhile.
pub(crate) fn told<R>(act: impl FnOnce() -> R) -> (R, Vec<String>) {
    let listener = Listener::default();
    let result = tracing::subscriber::with_default(listener.clone(), act);
    let told = std::mem::take(&mut *listener.0.lock().expect("nobody panics under it"));
    (result, told)
}

/// Panics at whatever it is told.
struct Hysteric;

impl Subscriber for Hysteric {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        panic!("not {} again", event.metadata().name());
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// Does `act` where every event panics; what it panicked with.
pub(crate) fn shocked<R>(act: impl FnOnce() -> R) -> Result<R, String> {
    let act = std::panic::AssertUnwindSafe(act);
    tracing::subscriber::with_default(Hysteric, || std::panic::catch_unwind(act))
        .map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
}
