//! Messages as arrows: where each left, and where it arrived, if it did.

use std::collections::BTreeMap;

use serde::Serialize;
use sim::{Event, History, Loss, Part};

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkEnd {
    /// It arrived.
    Arrived,
    /// It arrived where nobody listens or waits for it.
    Unheard,
    /// It never arrived.
    Vanished,
    /// The run ended first.
    UnderWay,
}

/// A message from one event to another, by their places in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Where it was sent.
    pub sent: usize,
    /// Where it arrived or vanished.
    pub ended: Option<usize>,
    /// How it ended.
    pub end: LinkEnd,
}

/// The messages of a run. One that arrives twice is two.
pub(super) fn links(history: &History) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    let mut latest: BTreeMap<(u64, Part), usize> = BTreeMap::new();
    for (index, (_, event)) in history.iter().enumerate() {
        let (message, end) = match event {
            Event::MessageSent(message) => {
                latest.insert((message.call, message.part), links.len());
                links.push(Link { sent: index, ended: None, end: LinkEnd::UnderWay });
                continue;
            }
            Event::MessageDelivered(message) => (message, LinkEnd::Arrived),
            Event::MessageLost(message, Loss::NobodyListens | Loss::Unwanted) => (message, LinkEnd::Unheard),
            Event::MessageLost(message, Loss::Partitioned | Loss::Dropped | Loss::PowerOff) => {
                (message, LinkEnd::Vanished)
            }
            _ => continue,
        };
        let Some(&link) = latest.get(&(message.call, message.part)) else { continue };
        if links[link].ended.is_some() {
            links.push(Link { sent: links[link].sent, ended: Some(index), end });
        } else {
            links[link] = Link { ended: Some(index), end, ..links[link] };
        }
    }
    links
}
