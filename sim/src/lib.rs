//! A simulated world on madsim, for any system written against [`world`].
//!
//! [`run`] runs the programs of a [`Cluster`] over a simulated network, file system and clock, lets the faults of a [`Plan`]
//! strike, and shows every [`Event`] to an [`Observer`]. A run is a pure function of its [`Settings`], its plan and the
//! system: the same ones yield the same events at the same virtual nanosecond, and so the same hash. [`campaign`] does it for
//! many seeds on all cores; a plan can be drawn with [`Chance`], and one that fails made small with [`shrink`] and told by [`last_events`].
//! [`run_twice`] says whether a system really depends on nothing else.
//!
//! What chance decides is addressed (see `decisions`), what runs next is decided here and not by madsim's executor (see
//! `turns`), and everything that nodes share is in one place (see `state`).
//!
#![doc = include_str!("../README.md")]

// rustdoc is not given that setting; what it documents was compiled with it.
#[cfg(not(any(madsim, doc)))]
compile_error!(
    "the crate `sim` simulates only with `--cfg madsim`: put `[build]` and, below it, `rustflags = [\"--cfg\", \"madsim\"]` into \
     .cargo/config.toml, as this project has it (and `rustdocflags` for doctests). What counts is the .cargo/config.toml of the directory in \
     which cargo is called, and of those above it. If it is there: a variable CARGO_ENCODED_RUSTFLAGS or RUSTFLAGS and `rustflags` of a \
     `[target.…]` replace those of `[build]`, so unset them or add `--cfg madsim` to them"
);

mod agenda;
mod campaign;
mod chance;
mod check;
mod clock;
mod cluster;
mod decisions;
mod difference;
pub mod duration_text;
mod fault_words;
mod faults;
mod files;
mod history;
mod life;
mod log;
mod lost;
mod network;
mod plan;
mod run;
mod settings;
mod sim_world;
pub mod smaller;
mod state;
mod timeline;
mod turns;

pub use campaign::campaign;
pub use chance::Chance;
pub use check::{MAX_DURATION, MAX_FACTOR};
pub use clock::SimClock;
pub use cluster::Cluster;
pub use decisions::{Seed, Spread};
pub use difference::{Difference, Parted, first_difference, run_twice};
pub use files::{DiskInspector, DiskView, SimFile, SimFiles, StillDisk};
pub use history::{Body, Event, FileEvent, History, Loss, Message, Node, Note, Noted, Part};
pub use log::{LogLevel, LogLine, Recording};
pub use lost::Lost;
pub use network::{SimListener, SimNetwork, SimResponder};
pub use plan::{DiskErrorKind, Fault, FaultKind, Operation, Plan, Trigger};
pub use run::{Finished, Observer, Report, run};
pub use settings::{ComputeModel, DiskModel, NetworkModel, Settings};
pub use sim_world::SimWorld;
pub use smaller::shrink;
pub use timeline::last_events;
