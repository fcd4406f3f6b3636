//! An app for tests: counts words, sleeps and fails on demand. Its argument is a list such as `map=300 reduce=50 fail=word`:
//! milliseconds that each call of map or reduce sleeps, and a word that map refuses. `exit=1` lets map end the process with that
//! exit code, and `exit-once=1` does so only for who first makes the file `exited`.

use std::fs::File;
use std::thread;
use std::time::Duration;

use mr_plugin::{App, AppError, Emit, MapInput, Output, Values};

#[derive(Default)]
struct Moody {
    map: Duration,
    reduce: Duration,
    fail: Option<String>,
    exit: Option<i32>,
    exit_once: Option<i32>,
}

impl Moody {
    fn new(argument: &str) -> Result<Self, AppError> {
        let mut moody = Self::default();
        for wish in argument.split_whitespace() {
            let no_number = |_| AppError::new("no number");
            let millis = |text: &str| text.parse().map(Duration::from_millis).map_err(no_number);
            let code = |text: &str| text.parse().map(Some).map_err(no_number);
            match wish.split_once('=') {
                Some(("map", text)) => moody.map = millis(text)?,
                Some(("reduce", text)) => moody.reduce = millis(text)?,
                Some(("fail", word)) => moody.fail = Some(word.to_owned()),
                Some(("exit", text)) => moody.exit = code(text)?,
                Some(("exit-once", text)) => moody.exit_once = code(text)?,
                _ => return Err(AppError(format!("`{wish}` is no mood"))),
            }
        }
        Ok(moody)
    }
}

impl App for Moody {
    fn name(&self) -> &str {
        "moody"
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        let first = |_: &i32| File::create_new("exited").is_ok();
        if let Some(code) = self.exit.or(self.exit_once.filter(first)) {
            std::process::exit(code);
        }
        thread::sleep(self.map);
        for word in input.data.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            match &self.fail {
                Some(refused) if refused.as_bytes() == word => {
                    return Err(AppError(format!("will not map `{refused}`")));
                }
                _ => emit.emit(word, b"1"),
            }
        }
        Ok(())
    }

    fn reduce(&self, _word: &[u8], ones: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        thread::sleep(self.reduce);
        output.value(ones.len().to_string().as_bytes());
        Ok(())
    }
}

mr_plugin::export!(|mood = ""| Moody::new(mood));
