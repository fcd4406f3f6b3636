//! Durations as people write them: `1s 500ms`. For `#[serde(with = "sim::duration_text")]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Writes a duration.
///
/// # Errors
///
/// When the serializer cannot take text.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

/// Reads a duration.
///
/// # Errors
///
/// When it is not text, or not that of a duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refuse = |error| D::Error::custom(format!("{text:?} is no duration such as \"1s 500ms\": {error}"));
    humantime::parse_duration(&text).map_err(refuse)
}

/// Durations that may be absent. For `#[serde(default, skip_serializing_if = "Option::is_none", with = "sim::duration_text::optional")]`.
pub mod optional {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    /// Writes a duration, if there is one.
    ///
    /// # Errors
    ///
    /// When the serializer cannot take text.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a duration that is there.
    ///
    /// # Errors
    ///
    /// When it is not text, or not that of a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
