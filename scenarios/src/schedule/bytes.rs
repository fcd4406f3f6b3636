//! Bytes in a plan file: readable when they are text, exact when they are not.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are written down as text where they are UTF-8, and as `{ hex = "..." }` where they are not.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// The two forms.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "text, or `{ hex = \"c3a9\" }`")]
enum Written {
    Text(String),
    Hex(Hex),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hex {
    hex: String,
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match String::from_utf8(self.0.clone()) {
            Ok(text) => Written::Text(text),
            Err(error) => {
                let hex = error.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                Written::Hex(Hex { hex })
            }
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Self(text.into_bytes())),
            Written::Hex(Hex { hex }) => match from_hex(&hex) {
                Some(bytes) => Ok(Self(bytes)),
                None => Err(D::Error::custom(format!("\"{hex}\" is not an even number of hexadecimal digits"))),
            },
        }
    }
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct File {
        inputs: Vec<Bytes>,
    }

    #[test]
    fn text_is_readable_and_the_rest_is_exact() {
        let inputs = [&b"two words\n"[..], b"", "\u{e9}\0".as_bytes(), b"\xff\x00\x1f"];
        let file = File { inputs: inputs.map(|bytes| Bytes(bytes.to_vec())).to_vec() };
        let text = toml::to_string(&file).unwrap();
        assert!(text.contains("two words") && text.contains("ff001f"), "{text}");
        assert_eq!(toml::from_str::<File>(&text).unwrap(), file);
    }

    #[test]
    fn what_is_no_hexadecimal_is_refused() {
        for hex in ["abc", "zz", "+1"] {
            let error = toml::from_str::<File>(&format!("inputs = [{{ hex = \"{hex}\" }}]")).unwrap_err();
            assert!(error.to_string().contains("hexadecimal"), "{error}");
        }
    }
}
