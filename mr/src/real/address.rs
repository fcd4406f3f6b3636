//! Addresses of the real world: `unix:PATH`, a socket in the file system, and `tcp:HOST:PORT`.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

use camino::Utf8Path;
use reqwest::Url;
use world::Address;

/// The longest path, in bytes, that a Unix socket can have: 108 in Linux's `sockaddr_un`, less the closing NUL.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// An address that can be listened on and called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RealAddress {
    /// A Unix socket, private to the user it belongs to.
    Unix(PathBuf),
    /// A TCP port. Anybody who can reach it is obeyed: for trusted networks only.
    Tcp {
        /// A host name, an IPv4 address or an IPv6 address without its brackets.
        host: String,
        /// The port; 0 lets the system choose when listening.
        port: u16,
    },
}

/// Why a text is no address: a sentence without its full stop that names the text and says what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither `unix:` nor `tcp:`.
    #[error("{0:?} is no address: write unix:PATH or tcp:HOST:PORT")]
    NoScheme(String),
    /// `unix:` and nothing.
    #[error("unix: needs the path of a socket, as in unix:/tmp/mr.sock")]
    NoPath,
    /// The system could not bind or connect to it.
    #[error("the socket path {path} has {} bytes, more than the {MAX_SOCKET_PATH_BYTES} of 108 that a Unix socket leaves for it: choose a shorter one", path.len())]
    PathTooLong {
        /// The path.
        path: String,
    },
    /// A NUL byte, which no path can hold.
    #[error("the socket path {0:?} holds a NUL byte: leave it out")]
    PathWithNul(String),
    /// `tcp:` without a host before the port.
    #[error("{0} needs a host before the port, as in tcp:0.0.0.0:7777 or tcp:[::1]:7777")]
    BadHost(String),
    /// Nothing that a request could be sent to, though it looks like a name.
    #[error(
        "the host of {address} cannot be called, {reason}: write a name, which must not end in a number, or an address such as 192.0.2.1"
    )]
    NoHost {
        /// The address.
        address: String,
        /// What is wrong with the host.
        reason: String,
    },
    /// `tcp:` without a port.
    #[error("{0} needs a port between 0 and 65535, as in tcp:localhost:7777")]
    BadPort(String),
}

impl FromStr for RealAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            parse_path(path)
        } else if let Some(rest) = text.strip_prefix("tcp:") {
            parse_host_and_port(text, rest)
        } else {
            Err(AddressError::NoScheme(text.to_owned()))
        }
    }
}

fn parse_path(path: &str) -> Result<RealAddress, AddressError> {
    if path.is_empty() {
        return Err(AddressError::NoPath);
    }
    if path.contains('\0') {
        return Err(AddressError::PathWithNul(path.to_owned()));
    }
    if path.len() > MAX_SOCKET_PATH_BYTES {
        return Err(AddressError::PathTooLong { path: path.to_owned() });
    }
    Ok(RealAddress::Unix(path.into()))
}

fn parse_host_and_port(text: &str, rest: &str) -> Result<RealAddress, AddressError> {
    let bad_port = || AddressError::BadPort(text.to_owned());
    let (host, port) = rest.rsplit_once(':').ok_or_else(bad_port)?;
    // `u16::from_str` would also take a plus sign.
    let port = if port.starts_with(|first: char| first.is_ascii_digit()) { port.parse().ok() } else { None };
    let port = port.ok_or_else(bad_port)?;
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(|_| inner),
        None => is_name(host).then_some(host),
    };
    let host = host.ok_or_else(|| AddressError::BadHost(text.to_owned()))?;
    // A name such as node.1 would pass for an IPv4 address, and be a wrong one.
    if let (false, Err(error)) = (host.contains(':'), Url::parse(&format!("http://{host}/"))) {
        return Err(AddressError::NoHost { address: text.to_owned(), reason: error.to_string() });
    }
    Ok(RealAddress::Tcp { host: host.to_owned(), port })
}

/// Whether `host` could be a host name or an IPv4 address.
fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

impl RealAddress {
    /// The socket at `path`.
    ///
    /// # Errors
    ///
    /// When no socket can have that path.
    pub fn of_socket(path: &Utf8Path) -> Result<Self, AddressError> {
        parse_path(path.as_str())
    }

    /// Reads the abstract address.
    ///
    /// # Errors
    ///
    /// When it is neither `unix:PATH` nor `tcp:HOST:PORT`.
    pub fn parse(address: &Address) -> Result<Self, AddressError> {
        address.as_str().parse()
    }
}

impl fmt::Display for RealAddress {
    /// The address as it is parsed, with brackets around an IPv6 address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RealAddress::Unix(path) => write!(f, "unix:{}", path.display()),
            RealAddress::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            RealAddress::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
        }
    }
}

impl From<&RealAddress> for Address {
    fn from(address: &RealAddress) -> Self {
        Address::new(address.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> AddressError {
        text.parse::<RealAddress>().unwrap_err()
    }

    #[test]
    fn an_address_reads_back_as_written() {
        for text in [
            "unix:/tmp/a b:c",
            "unix:relative",
            "tcp:localhost:80",
            "tcp:10.0.0.1:0",
            "tcp:node-1.a_b:1",
            "tcp:[::1]:65535",
        ] {
            assert_eq!(text.parse::<RealAddress>().unwrap().to_string(), text);
        }
        assert_eq!("tcp:[::1]:7".parse(), Ok(RealAddress::Tcp { host: "::1".into(), port: 7 }));
    }

    #[test]
    fn what_is_no_address_is_told_what_to_write() {
        assert_eq!(error("/tmp/sock").to_string(), r#""/tmp/sock" is no address: write unix:PATH or tcp:HOST:PORT"#);
        assert_eq!(error("unix:"), AddressError::NoPath);
        assert!(matches!(error("unix:a\0b"), AddressError::PathWithNul(_)));
        for text in ["tcp:", "tcp:host", "tcp:host:", "tcp:host:port", "tcp:host:65536", "tcp:host:+1", "tcp:host:-1"] {
            assert_eq!(error(text), AddressError::BadPort(text.into()));
        }
        for text in ["tcp::80", "tcp:::1:80", "tcp:a b:80", "tcp:[host]:80", "tcp:user@host:80", "tcp:a/b:80"] {
            assert_eq!(error(text), AddressError::BadHost(text.into()));
        }
        for text in ["tcp:node.1:7777", "tcp:256.0.0.1:80", "tcp:1.2.3.4.5:80", "tcp:xn--a:80"] {
            let message = error(text).to_string();
            assert!(message.starts_with(&format!("the host of {text} cannot be called, invalid ")), "{message}");
        }
    }

    #[test]
    fn a_socket_path_may_have_107_bytes_and_no_more() {
        assert!(format!("unix:{}", "x".repeat(107)).parse::<RealAddress>().is_ok());
        let message = error(&format!("unix:{}", "x".repeat(108))).to_string();
        assert!(message.contains("has 108 bytes") && message.contains("choose a shorter one"), "{message}");
    }
}
