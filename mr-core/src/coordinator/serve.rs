//! The loop that serves a coordinator over a world. It owns the state, so there is no lock; it decides nothing.
//!
//! Long polls are kept here: a request answered with [`Reply::Wait`] is set aside and decided again when work turns up, when a
//! deadline passes, or when its time is up, whichever comes first. Nobody polls while there is nothing to do, and nobody
//! sleeps while there is.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use futures::channel::mpsc::UnboundedReceiver;
use futures::{FutureExt, StreamExt, select_biased};
use tracing::debug;
use world::{Answer, Clock, Listener, Responder, Timestamp, World};

use super::{Coordinator, Event, step_observed};
use crate::job::Job;
use crate::marks;
use crate::protocol::{self, Ending, Reply, Request};

/// The longest the loop sleeps when no deadline is near.
const IDLE: Duration = Duration::from_secs(3600);

/// A reader of events: called for each, in order, after it became part of the state.
pub trait Observer: Send {
    /// `event` happened at `now` and made `coordinator` what it is.
    fn observe(&mut self, now: Timestamp, event: &Event, coordinator: &Coordinator);
}

/// Nobody looks.
impl Observer for () {
    fn observe(&mut self, _now: Timestamp, _event: &Event, _coordinator: &Coordinator) {}
}

/// What a person, or a program that knows more than the network tells, orders a coordinator to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// End the job as failed, for this reason.
    Abort(String),
    /// Wait no longer for workers to hear that the job has ended.
    Leave,
    /// The worker that registered under this name is dead: its process was seen to end.
    Bury(String),
}

/// Serves `job` to whoever calls `listener`, until it has ended and every worker has said goodbye, fallen silent, or had its
/// grace period. `orders` may end without any.
///
/// A request that cannot be read is refused and changes nothing.
pub async fn serve<W: World, L: Listener>(
    world: &W,
    mut listener: L,
    job: Job,
    observer: &mut dyn Observer,
    mut orders: UnboundedReceiver<Order>,
) -> (Ending, Coordinator) {
    let coordinator = Coordinator::new(job);
    let (askers, committers) = (VecDeque::new(), VecDeque::new());
    let chronicle = Chronicle { world, observer, ended_at: None };
    let mut server = Server { coordinator, askers, committers, chronicle, hurried: false };
    loop {
        let now = world.clock().now();
        server.pass_time(now);
        if let Some(ending) = server.finished(now).or_else(|| server.left()) {
            return (ending, server.coordinator);
        }
        let mut sleep = pin!(world.clock().sleep(server.until_next_wake(now)).fuse());
        let mut accept = pin!(listener.accept().fuse());
        select_biased! {
            (request, responder) = accept => server.receive(world.clock().now(), &request, responder),
            order = orders.select_next_some() => server.obey(world.clock().now(), &order),
            () = sleep => {}
        }
    }
}

/// A request that waits for something to happen.
struct Parked<R> {
    request: Request,
    responder: R,
    until: Timestamp,
}

/// Whoever is told of what happens: the log, the marks, who watches. It remembers when the job ended.
struct Chronicle<'a, W> {
    world: &'a W,
    observer: &'a mut dyn Observer,
    ended_at: Option<Timestamp>,
}

impl<W: World> Chronicle<'_, W> {
    /// `event` happened at `now` and made `coordinator` what it is.
    fn tell(&mut self, now: Timestamp, event: &Event, coordinator: &Coordinator) {
        coordinator.log(event);
        if let Some(mark) = marks::of_event(event) {
            self.world.mark(mark);
        }
        if matches!(event, Event::JobEnded { .. }) {
            self.ended_at = Some(now);
        }
        self.observer.observe(now, event, coordinator);
    }
}

struct Server<'a, W, R> {
    coordinator: Coordinator,
    /// Those who ask for a task, in order of arrival, and so of `until`: all wait equally long.
    askers: VecDeque<Parked<R>>,
    /// Those who ask to commit while another attempt may, in order of arrival. Few.
    committers: VecDeque<Parked<R>>,
    chronicle: Chronicle<'a, W>,
    /// Whether nobody is waited for once the job has ended.
    hurried: bool,
}

impl<W: World, R: Responder> Server<'_, W, R> {
    fn receive(&mut self, now: Timestamp, request: &[u8], responder: R) {
        match protocol::decode_request(request) {
            Ok((job, request)) => match self.coordinator.turn_away(job, &request) {
                Some(reply) => responder.respond(Answer::Reply(protocol::encode(&reply))),
                None => self.answer(now, request, responder),
            },
            Err(error) => {
                debug!(%error, "request refused");
                responder.respond(Answer::Reject(error.to_string()));
            }
        }
    }

    fn answer(&mut self, now: Timestamp, request: Request, responder: R) {
        let until = now + self.coordinator.job().heartbeat_interval();
        let (events, reply) = step_observed(&mut self.coordinator, now, &request, |event, coordinator| {
            self.chronicle.tell(now, event, coordinator);
        });
        let assigned = |event: &Event| matches!(event, Event::AttemptAssigned { .. });
        if matches!(reply, Reply::Run(_)) && !events.iter().any(assigned) {
            self.chronicle.world.mark(marks::ANSWER_REPEATED);
        }
        match reply {
            Reply::Wait => {
                let asks_task = matches!(request, Request::AskTask { .. });
                let queue = if asks_task { &mut self.askers } else { &mut self.committers };
                queue.push_back(Parked { request, responder, until });
            }
            reply => responder.respond(Answer::Reply(protocol::encode(&reply))),
        }
        if events.iter().any(concerns_others) {
            self.wake(now);
        }
    }

    fn obey(&mut self, now: Timestamp, order: &Order) {
        let events = match order {
            Order::Abort(reason) => self.coordinator.abort(reason),
            Order::Leave => {
                self.hurried = true;
                Vec::new()
            }
            Order::Bury(name) => self.coordinator.bury(name),
        };
        self.happen(now, &events);
    }

    fn happen(&mut self, now: Timestamp, events: &[Event]) {
        self.coordinator.apply_all(now, events, |event, coordinator| self.chronicle.tell(now, event, coordinator));
    }

    /// Everything that happens because time has passed.
    fn pass_time(&mut self, now: Timestamp) {
        let events = self.coordinator.expire(now);
        self.happen(now, &events);
        self.wake(now);
        for queue in [&mut self.askers, &mut self.committers] {
            while let Some(parked) = queue.pop_front_if(|parked| parked.until <= now) {
                parked.responder.respond(Answer::Reply(protocol::encode(&Reply::Wait)));
            }
        }
    }

    /// Decides again on the requests set aside, as far as there is any hope for them.
    fn wake(&mut self, now: Timestamp) {
        for _ in 0..self.committers.len() {
            let Some(parked) = self.committers.pop_front() else { break };
            if let Some(parked) = self.answer_again(now, parked) {
                self.committers.push_back(parked);
            }
        }
        // Those still without an answer go back to the front, so that the queue stays in order of arrival.
        let mut passed_over = Vec::new();
        while self.coordinator.has_work(now) {
            let Some(parked) = self.askers.pop_front() else { break };
            passed_over.extend(self.answer_again(now, parked));
        }
        for parked in passed_over.into_iter().rev() {
            self.askers.push_front(parked);
        }
    }

    /// Decides again on one request; gives it back when there is still nothing to say.
    fn answer_again(&mut self, now: Timestamp, parked: Parked<R>) -> Option<Parked<R>> {
        let (events, reply) = self.coordinator.decide_again(now, &parked.request);
        if reply == Reply::Wait {
            return Some(parked);
        }
        self.happen(now, &events);
        parked.responder.respond(Answer::Reply(protocol::encode(&reply)));
        None
    }

    fn until_next_wake(&self, now: Timestamp) -> Duration {
        let deadline = self.coordinator.next_deadline(now);
        let polls = [self.askers.front(), self.committers.front()];
        let poll_ends = polls.into_iter().flatten().map(|parked| parked.until).min();
        let grace_ends = self.chronicle.ended_at.map(|ended| ended + self.coordinator.job().exit_grace());
        let next = [deadline, poll_ends, grace_ends].into_iter().flatten().min();
        next.map_or(IDLE, |next| next.since(now))
    }

    /// How the job ended, if nobody is to be waited for.
    fn left(&self) -> Option<Ending> {
        self.coordinator.ending().filter(|_| self.hurried).cloned()
    }

    fn finished(&self, now: Timestamp) -> Option<Ending> {
        let ended_at = self.chronicle.ended_at?;
        let grace_over = now >= ended_at + self.coordinator.job().exit_grace();
        if grace_over || self.coordinator.everyone_left() { self.coordinator.ending().cloned() } else { None }
    }
}

/// Whether an event may change the answer to a request of somebody else.
fn concerns_others(event: &Event) -> bool {
    match event {
        Event::AppAdopted { .. }
        | Event::AppForgotten
        | Event::WorkerRegistered { .. }
        | Event::WorkerHeard { .. }
        | Event::AttemptAssigned { .. }
        | Event::AttemptProgressed { .. }
        | Event::CommitGranted { .. }
        | Event::ReportIgnored { .. } => false,
        Event::WorkerLost { .. }
        | Event::WorkerLeft { .. }
        | Event::AttemptCommitted { .. }
        | Event::AttemptFailed { .. }
        | Event::AttemptStranded { .. }
        | Event::MapOutputLost { .. }
        | Event::JobEnded { .. } => true,
    }
}
