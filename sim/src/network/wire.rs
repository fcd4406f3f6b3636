//! The wire: what becomes of a message between its sender and its receiver.
//!
//! A message that is lost, or meets a partition when it is sent or when it should arrive, is gone: its call hangs until the
//! caller gives up. A request that finds nobody listening is refused by the callee's operating system, and so are all that a
//! process had not answered when it died. A machine without power refuses nothing: requests to it are gone, and what it had not
//! answered it refuses when it is back. What a node sends to itself passes no wire, and no fault of the network.

use std::collections::{BTreeMap, VecDeque};
use std::task::{Poll, Waker};
use std::time::Duration;

use world::{Address, Answer};

use crate::agenda::Action;
use crate::decisions::{Matter, digest};
use crate::history::{Body, Event, Loss, Message, Part};
use crate::plan::Operation;
use crate::state::{Home, State};

/// A message with what it carries.
pub(crate) struct Parcel {
    message: Message,
    cargo: Cargo,
}

enum Cargo {
    Request(Vec<u8>),
    Answer(Result<Answer, Unanswered>),
}

/// Why there will be no answer.
#[derive(Clone, Copy)]
pub(crate) enum Unanswered {
    /// Nobody listened.
    NobodyListens,
    /// Whoever had the request, or should have had it next, let it go.
    Closed,
}

/// Calls under way, by their number.
#[derive(Default)]
pub(crate) struct Calls {
    under_way: BTreeMap<u64, Call>,
    made: u64,
    /// How many messages were sent between two nodes, by direction: the address of what chance decides about the next.
    sent: BTreeMap<(usize, usize), u64>,
}

struct Call {
    caller: usize,
    callee: Option<usize>,
    /// Whether the callee has the request, and has not answered it.
    owed: bool,
    /// The answer, once there is one, or the news that there will be none.
    answer: Option<Result<Answer, Unanswered>>,
    waker: Option<Waker>,
}

impl Calls {
    pub(crate) fn poll(&mut self, number: u64, waker: &Waker) -> Poll<Result<Answer, Unanswered>> {
        let call = self.under_way.get_mut(&number).expect("a caller who waits has a call under way");
        if let Some(answer) = call.answer.take() {
            return Poll::Ready(answer);
        }
        call.waker = Some(waker.clone());
        Poll::Pending
    }

    /// The caller has its answer or does not want it any more. Yields what is to be dropped.
    pub(crate) fn forget(&mut self, number: u64) -> impl Sized + use<> {
        self.under_way.remove(&number)
    }

    fn settle(&mut self, number: u64, answer: Result<Answer, Unanswered>) -> bool {
        let Some(call) = self.under_way.get_mut(&number).filter(|call| call.answer.is_none()) else { return false };
        call.answer = Some(answer);
        call.owed = false;
        if let Some(waker) = call.waker.take() {
            waker.wake();
        }
        true
    }
}

/// Whom a request is from: the number of its call, and the caller.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    call: u64,
    by: usize,
}

/// A door: requests that were delivered and not yet accepted.
#[derive(Default)]
pub(crate) struct Door {
    queue: VecDeque<(Vec<u8>, Asked)>,
    waker: Option<Waker>,
}

impl Door {
    /// The next request.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<(Vec<u8>, Asked)> {
        if let Some(request) = self.queue.pop_front() {
            return Poll::Ready(request);
        }
        self.waker = Some(waker.clone());
        Poll::Pending
    }
}

impl State {
    /// A node calls an address. Yields the number of the call.
    pub(crate) fn call(&mut self, home: &Home, address: &Address, request: Vec<u8>) -> u64 {
        let caller = home.node;
        let number = self.calls.made;
        self.calls.made += 1;
        let callee = self.names.get(address.as_str()).copied();
        let call = Call { caller, callee, owed: false, answer: None, waker: None };
        self.calls.under_way.insert(number, call);
        // A fault can end a node while one of its tasks has a turn; what the task still does then is not done.
        if self.lives(caller, home.start) {
            match callee {
                Some(callee) => self.post(number, Part::Request, (caller, callee), Cargo::Request(request)),
                // Looking up a name that nobody has takes its time: who tries it again and again must not stop the world.
                None => {
                    self.agenda.add(self.now + self.settings.network.latency.typical, Action::Unknown(number));
                    self.tell(Event::CalledNobody {
                        node: self.node(caller),
                        call: number,
                        address: address.as_str().into(),
                    });
                }
            }
        }
        number
    }

    /// A call was made to a name that nobody has.
    pub(crate) fn call_nobody(&mut self, number: u64) {
        self.calls.settle(number, Err(Unanswered::NobodyListens));
    }

    /// A node answers a call. It cannot know whether the caller has given up.
    pub(crate) fn answer(&mut self, callee: usize, asked: Asked, answer: Answer) {
        if let Some(call) = self.calls.under_way.get_mut(&asked.call) {
            call.owed = false;
        }
        self.post(asked.call, Part::Reply, (callee, asked.by), Cargo::Answer(Ok(answer)));
    }

    /// The operating system of a node lets a caller know, if there still is one, that there will be no answer.
    pub(crate) fn refuse(&mut self, callee: usize, asked: Asked, why: Unanswered) {
        if let Some(call) = self.calls.under_way.get_mut(&asked.call) {
            call.owed = false;
            self.post(asked.call, Part::Refusal, (callee, asked.by), Cargo::Answer(Err(why)));
        }
    }

    /// Closes a node's door; what waits there is refused.
    pub(crate) fn close_door(&mut self, node: usize) {
        for (_, asked) in self.nodes[node].door.take().into_iter().flat_map(|door| door.queue) {
            self.refuse(node, asked, Unanswered::Closed);
        }
    }

    /// Closes a node's door and ends all calls that it owes an answer.
    pub(crate) fn close_sockets(&mut self, node: usize) {
        self.nodes[node].door = None;
        let owed = |(&number, call): (&u64, &Call)| {
            (call.owed && call.callee == Some(node)).then_some(Asked { call: number, by: call.caller })
        };
        let owed: Vec<_> = self.calls.under_way.iter().filter_map(owed).collect();
        for asked in owed {
            self.refuse(node, asked, Unanswered::Closed);
        }
    }

    /// Sends a message on its way.
    fn post(&mut self, call: u64, part: Part, (from, to): (usize, usize), cargo: Cargo) {
        let sent = self.calls.sent.entry((from, to)).or_default();
        *sent += 1;
        let address = [from as u64, to as u64, *sent];
        let bytes = cargo.bytes();
        let (len, digest) = (bytes.len() as u64, cargo.digest());
        let body = if self.keeps_messages { Body::new(bytes) } else { Body::default() };
        let message = Message { call, part, from: self.node(from), to: self.node(to), len, digest, body };
        self.tell(Event::MessageSent(message.clone()));
        self.transmit(Parcel { message, cargo }, address);
        if part != Part::Refusal {
            self.count(from, Operation::Send);
            // At once: who has sent is in the middle of a turn, and may do nothing more.
            self.strike_due();
        }
    }

    /// Lets chance and the faults that hold decide about a message that was sent.
    fn transmit(&mut self, Parcel { message, cargo }: Parcel, address: [u64; 3]) {
        let (faults, decisions) = (&self.faults, self.decisions);
        let (sender, receiver) = (message.from.name(), message.to.name());
        let lost = match message.part {
            Part::Request => Matter::LostRequest,
            Part::Reply | Part::Refusal => Matter::LostReply,
        };
        if message.from == message.to {
            return self.dispatch(Matter::Latency, address, Duration::ZERO, Parcel { message, cargo });
        }
        if faults.parted(sender, receiver) {
            return self.tell(Event::MessageLost(message, Loss::Partitioned));
        }
        if decisions.chance(lost, address, faults.loss(&message)) {
            return self.tell(Event::MessageLost(message, Loss::Dropped));
        }
        let extra = faults.extra_delay(sender, receiver).mul_f64(decisions.fraction(Matter::ExtraDelay, address));
        let duplicated = decisions.chance(Matter::Duplicate, address, faults.duplication(sender, receiver));
        if let Cargo::Request(request) = &cargo
            && duplicated
        {
            self.tell(Event::MessageDuplicated(message.clone()));
            let copy = Parcel { message: message.clone(), cargo: Cargo::Request(request.clone()) };
            self.dispatch(Matter::DuplicateLatency, address, Duration::ZERO, copy);
        }
        self.dispatch(Matter::Latency, address, extra, Parcel { message, cargo });
    }

    fn dispatch(&mut self, matter: Matter, address: [u64; 3], extra: Duration, parcel: Parcel) {
        let latency = self.settings.network.latency.at(self.decisions.fraction(matter, address));
        self.agenda.add(self.now + latency + extra, Action::Deliver(Box::new(parcel)));
    }

    /// A message arrives.
    pub(crate) fn deliver(&mut self, Parcel { message, cargo }: Parcel) {
        if message.from != message.to && self.faults.parted(message.from.name(), message.to.name()) {
            return self.tell(Event::MessageLost(message, Loss::Partitioned));
        }
        let (call, to) = (message.call, message.to.index());
        match cargo {
            Cargo::Request(request) => {
                let asked = Asked { call, by: message.from.index() };
                if !self.nodes[to].has_power {
                    return self.tell(Event::MessageLost(message, Loss::PowerOff));
                }
                let Some(door) = self.nodes[to].door.as_mut() else {
                    self.tell(Event::MessageLost(message, Loss::NobodyListens));
                    return self.refuse(to, asked, Unanswered::NobodyListens);
                };
                door.queue.push_back((request, asked));
                if let Some(waker) = door.waker.take() {
                    waker.wake();
                }
                if let Some(call) = self.calls.under_way.get_mut(&call) {
                    call.owed = call.answer.is_none();
                }
            }
            Cargo::Answer(answer) => {
                if !self.calls.settle(call, answer) {
                    return self.tell(Event::MessageLost(message, Loss::Unwanted));
                }
            }
        }
        let refusal = message.part == Part::Refusal;
        self.tell(Event::MessageDelivered(message));
        if !refusal {
            self.count(to, Operation::Receive);
        }
    }
}

impl Cargo {
    fn bytes(&self) -> &[u8] {
        match self {
            Cargo::Request(bytes) | Cargo::Answer(Ok(Answer::Reply(bytes))) => bytes,
            Cargo::Answer(Ok(Answer::Reject(reason))) => reason.as_bytes(),
            Cargo::Answer(Err(_)) => b"",
        }
    }

    /// A hash of all that the receiver learns: of its bytes, and of what they are.
    fn digest(&self) -> u64 {
        let kind = match self {
            Cargo::Request(_) | Cargo::Answer(Ok(Answer::Reply(_)) | Err(Unanswered::NobodyListens)) => 0,
            Cargo::Answer(Ok(Answer::Reject(_)) | Err(Unanswered::Closed)) => 1,
        };
        digest(self.bytes()).wrapping_add(kind)
    }
}
