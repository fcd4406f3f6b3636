//! What went wrong on the network, in words for a person: sentences without their full stops.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::Path;

use super::RealAddress;

/// Why the directory of a socket could not be opened.
pub(super) fn of_opening_a_directory(directory: &Path, error: &io::Error) -> String {
    let directory = directory.display();
    match error.kind() {
        ErrorKind::NotFound => format!("the directory {directory} does not exist; create it or choose another"),
        ErrorKind::PermissionDenied => format!("the directory {directory} may not be read; choose another"),
        _ => format!("the directory {directory} cannot be opened: {error}"),
    }
}

/// Why a socket could not be bound in `directory`.
pub(super) fn of_binding_a_socket(directory: &Path, error: &io::Error) -> String {
    let directory = directory.display();
    match error.kind() {
        ErrorKind::PermissionDenied => format!("the directory {directory} may not be written to; choose another"),
        ErrorKind::NotADirectory => format!("{directory} is no directory; choose another"),
        ErrorKind::AddrInUse => "another program has just taken that name; choose another".into(),
        _ => error.to_string(),
    }
}

/// Why a TCP port could not be bound.
pub(super) fn of_binding_a_port(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "the port is in use; choose another or stop the program that has it".into(),
        ErrorKind::AddrNotAvailable => "no network interface of this machine has that address".into(),
        ErrorKind::PermissionDenied => "the system does not allow that port; choose one above 1023".into(),
        _ => error.to_string(),
    }
}

/// Why a call brought no answer.
pub(super) fn of_a_failed_call(error: &reqwest::Error) -> String {
    if error.is_connect() && error.is_timeout() {
        return "no connection within a few seconds".into();
    }
    let cause = root_cause(error);
    if cause.downcast_ref::<hyper::Error>().is_some_and(is_hang_up) {
        return HUNG_UP.into();
    }
    let Some(cause) = cause.downcast_ref::<io::Error>() else { return cause.to_string() };
    match cause.kind() {
        ErrorKind::ConnectionRefused => "connection refused, nobody listens there".into(),
        ErrorKind::NotFound => NO_SOCKET.into(),
        ErrorKind::PermissionDenied => "the socket belongs to another user".into(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => HUNG_UP.into(),
        _ => cause.to_string(),
    }
}

/// Whether a failed call shows that nobody listens at `address`. The name of a host never does: it may stand for several addresses, and
/// the error be that of one where nobody ever listened.
pub(super) fn is_refusal(error: &reqwest::Error, address: &RealAddress) -> bool {
    let cause = root_cause(error).downcast_ref::<io::Error>().map(io::Error::kind).filter(|_| error.is_connect());
    match address {
        RealAddress::Unix(_) => matches!(cause, Some(ErrorKind::ConnectionRefused | ErrorKind::NotFound)),
        RealAddress::Tcp { host, .. } => {
            host.parse::<IpAddr>().is_ok() && matches!(cause, Some(ErrorKind::ConnectionRefused))
        }
    }
}

/// Nothing is where a socket was looked for.
pub(super) const NO_SOCKET: &str = "there is no such socket";

const HUNG_UP: &str = "the connection broke before the answer came";

fn is_hang_up(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}

/// The innermost error: the outer ones repeat in general terms what it says exactly.
fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause
}
