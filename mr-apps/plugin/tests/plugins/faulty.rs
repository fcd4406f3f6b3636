//! A plugin whose argument says where it panics or fails.

use mr_plugin::{App, AppError, Emit, MapInput, Output, Partition, Reduces, ValueList, Values};

struct Faulty {
    fault: String,
}

impl Faulty {
    fn new(argument: &str) -> Result<Self, AppError> {
        let faulty = Self { fault: argument.to_owned() };
        faulty.check("create")?;
        Ok(faulty)
    }

    fn check(&self, function: &str) -> Result<(), AppError> {
        assert!(self.fault != format!("panic in {function}"), "{function} went wrong");
        if self.fault == format!("error in {function}") {
            Err(AppError(format!("{function} will not have it")))
        } else {
            Ok(())
        }
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        if self.fault == "panic in drop" {
            panic!("drop went wrong");
        }
        if let Some(file) = self.fault.strip_prefix("write on drop ") {
            std::fs::write(file, "dropped").expect("the file can be written");
        }
    }
}

impl App for Faulty {
    fn name(&self) -> &str {
        self.check("name").map_or("", |()| "faulty")
    }

    fn map(&self, _: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        emit.emit(b"key", b"value");
        self.check("map")
    }

    fn reduce(&self, _: &[u8], _: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.value(b"value");
        self.check("reduce")
    }

    fn has_combiner(&self) -> bool {
        true
    }

    fn combine(&self, _: &[u8], _: Values<'_>, _: &mut ValueList) -> Result<(), AppError> {
        self.check("combine")
    }

    fn partition(&self, _: &[u8], reduces: Reduces) -> Partition {
        if self.check("partition").is_err() { Partition(reduces.get()) } else { Partition(0) }
    }
}

mr_plugin::export!(|argument = "none"| Faulty::new(argument));
