//! What a program is started with. All of it is text to us; what is not is named here, because clap would only say that there is some.

use std::env;
use std::ffi::OsString;

use clap::Parser;

use super::Failure;

/// This process's arguments. Where they make no sense, or ask for help, the process ends here.
///
/// # Errors
///
/// When one of them is not UTF-8.
pub fn arguments<P: Parser>() -> Result<P, Failure> {
    check(env::args_os())?;
    Ok(P::parse())
}

fn check(mut arguments: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    match arguments.find(|argument| argument.to_str().is_none()) {
        Some(argument) => Err(Failure::Usage(format!(
            "the argument `{}` is not UTF-8: rename the file, or name a link to it",
            argument.to_string_lossy()
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn an_argument_that_is_not_utf_8_is_named() {
        let strange = OsString::from_vec(b"b\xffd.txt".to_vec());
        let failure = check(["mr".into(), "gr\u{fc}n".into(), strange].into_iter()).unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.to_string().starts_with("the argument `b\u{fffd}d.txt` is not UTF-8"), "{failure}");
        assert_eq!(check(["mr".into(), "gr\u{fc}n".into()].into_iter()), Ok(()));
    }
}
