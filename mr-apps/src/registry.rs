//! The apps by name.

use std::sync::Arc;

use mr_core::app::{App, AppError, AppIdentity, AppSource};

use crate::{Crash, EarlyExit, Grep, Indexer, JobCount, MapTiming, NoCrash, ReduceTiming, Sort, WordCount};

/// An app that needs no plugin.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    name: &'static str,
    about: &'static str,
    example: &'static str,
    create: fn(&str) -> Result<Arc<dyn App>, AppError>,
}

impl BuiltIn {
    /// The name it is asked for by.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does, in one line.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about
    }
}

impl AppSource for BuiltIn {
    fn identity(&self) -> AppIdentity {
        let app = (self.create)(self.example).expect("an app makes sense of its own example");
        AppIdentity::of(&*app)
    }

    /// The argument is empty for none; an app that takes none wants it so.
    fn create(&self, argument: &str) -> Result<Arc<dyn App>, AppError> {
        (self.create)(argument)
    }
}

/// All of them: those of use first, then the course's test apps.
pub fn builtins() -> impl Iterator<Item = &'static BuiltIn> {
    BUILT_IN.iter()
}

/// The app called `name`.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static BuiltIn> {
    builtins().find(|app| app.name == name)
}

const BUILT_IN: [BuiltIn; 10] = [
    BuiltIn {
        name: "wc",
        about: "counts how often each word occurs",
        example: "",
        create: |argument| without_argument(argument, WordCount),
    },
    BuiltIn {
        name: "indexer",
        about: "tells for each word in how many files it occurs, and in which",
        example: "",
        create: |argument| without_argument(argument, Indexer),
    },
    BuiltIn {
        name: "grep",
        about: "finds the lines that match the regular expression given with --arg",
        example: ".",
        create: |pattern| Ok(Arc::new(Grep::new(pattern)?)),
    },
    BuiltIn {
        name: "sort",
        about: "sorts lines by their bytes; mr-out-0, mr-out-1 and so on, one after the other, are sorted as a whole",
        example: "",
        create: |argument| without_argument(argument, Sort),
    },
    BuiltIn {
        name: "mtiming",
        about: "course test: tells how many workers map at once",
        example: "",
        create: |argument| without_argument(argument, MapTiming),
    },
    BuiltIn {
        name: "rtiming",
        about: "course test: tells how many workers reduce at once",
        example: "",
        create: |argument| without_argument(argument, ReduceTiming),
    },
    BuiltIn {
        name: "jobcount",
        about: "course test: tells how many maps were run, each of which takes 2 to 5 seconds",
        example: "",
        create: |argument| without_argument(argument, JobCount),
    },
    BuiltIn {
        name: "early_exit",
        about: "course test: reduces some keys 3 seconds later than others",
        example: "",
        create: |argument| without_argument(argument, EarlyExit),
    },
    BuiltIn {
        name: "crash",
        about: "course test: nocrash, but a third of all calls end the worker and a third delay it",
        example: "",
        create: |argument| without_argument(argument, Crash),
    },
    BuiltIn {
        name: "nocrash",
        about: "course test: tells name and length of each file",
        example: "",
        create: |argument| without_argument(argument, NoCrash),
    },
];

fn without_argument(argument: &str, app: impl App + 'static) -> Result<Arc<dyn App>, AppError> {
    if argument.is_empty() {
        Ok(Arc::new(app))
    } else {
        let name = app.name();
        Err(AppError(format!("`{name}` takes no argument, so `{argument}` means nothing to it: leave it out")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VERSION;

    #[test]
    fn every_app_goes_by_its_own_name_and_this_version() {
        for app in builtins() {
            let identity = app.identity();
            assert_eq!(identity.name, app.name());
            assert_eq!(identity.version, VERSION);
            assert_eq!(builtin(app.name()).map(BuiltIn::about), Some(app.about()));
        }
        assert!(builtin("no such app").is_none());
    }

    #[test]
    fn an_argument_nobody_asked_for_is_refused() {
        let error = builtin("wc").expect("wc").create("-l").err().expect("no argument is accepted");
        assert_eq!(error.0, "`wc` takes no argument, so `-l` means nothing to it: leave it out");
    }

    #[test]
    fn a_missing_argument_is_asked_for() {
        assert!(
            builtin("grep").expect("grep").create("").err().expect("a pattern is needed").0.contains("--arg PATTERN")
        );
    }
}
