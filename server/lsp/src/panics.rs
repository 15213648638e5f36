//! A panic in analysis is a bug that must not take the editor's server down: it is caught, told, and survived.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

/// Something in analysis panicked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Panic {
    /// What was being done, with the file and its version.
    pub(crate) doing: String,
    /// The line of code. The panic's own message is left out: it may quote the file.
    pub(crate) place: String,
}

/// Catches panics and passes them on; knows what is being done, for who waits for it.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    panics: UnboundedSender<Panic>,
    doing: Arc<Mutex<String>>,
}

thread_local! {
    /// `Some` while a guard is on this thread; holds where the panic was.
    static GUARDED: RefCell<Option<String>> = const { RefCell::new(None) };
}

impl Guard {
    /// Sends what it catches to `panics`.
    pub(crate) fn new(panics: UnboundedSender<Panic>) -> Self {
        note_places();
        Self {
            panics,
            doing: Arc::default(),
        }
    }

    /// What was begun last.
    pub(crate) fn doing(&self) -> String {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What `work` gives, or `None` where it panicked. It must run on this thread.
    pub(crate) fn run<R>(&self, doing: impl FnOnce() -> String, work: impl FnOnce() -> R) -> Option<R> {
        let doing = doing();
        self.doing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&doing);
        let outer = GUARDED.replace(Some("an unknown place".to_owned()));
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        let place = GUARDED.replace(outer).unwrap_or_default();
        if result.is_err() {
            // Nobody listens once the server ends.
            drop(self.panics.send(Panic { doing, place }));
        }
        result.ok()
    }
}

/// Makes panics under a guard say where, and nothing else.
fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string);
            let is_guarded = GUARDED.with_borrow_mut(|guarded| match guarded {
                Some(noted) => {
                    *noted = place.unwrap_or_default();
                    true
                }
                None => false,
            });
            if !is_guarded {
                before(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place_and_without_its_words() {
        let (sender, mut told) = unbounded_channel();
        let guard = Guard::new(sender);
        let result: Option<()> = guard.run(|| "reading 1.sql".into(), || panic!("secret"));
        assert_eq!(result, None);
        let panic = told.try_recv().expect("one panic was told");
        assert_eq!(panic.doing, "reading 1.sql");
        assert!(panic.place.contains("panics.rs:"), "{}", panic.place);
        assert!(!format!("{panic:?}").contains("secret"));
        assert_eq!(guard.run(String::new, || 1), Some(1));
        assert!(told.try_recv().is_err(), "nothing else was told");
    }
}
