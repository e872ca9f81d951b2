//! What is held of request bodies until it is judged: so much in all, and so much for one client.
//!
//! A body is judged value by value, and one value may be a megabyte. One that is never sent to its end, over each of hundreds of
//! connections, would fill the memory (CWE-770). So where there is no room, the body that has held most for longest is told to come
//! again: that of whoever drips, not that of whoever sends a form just now.

use crate::{downstream::BodyError, server::network};
use gambeson_core::layers::Denial;
use http::StatusCode;
use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::HashMap,
    future::Future,
    net::IpAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Bytes that one serving thread holds at most, but for beginnings.
const BYTES_MAX: usize = 48 << 20;
/// Of these, one client (IPv6: one /64 network) gets so many.
const CLIENT_BYTES_MAX: usize = 16 << 20;
/// What was told to go and has not gone yet may take so much besides.
const LEAVING_BYTES_MAX: usize = 16 << 20;
/// Beginnings of this length are counted but never refused: ordinary forms are no longer.
const FREE_BYTES: usize = 4 << 10;

/// The room of one serving thread.
#[derive(Debug, Default)]
pub(crate) struct Room(RefCell<Bodies>);

#[derive(Debug, Default)]
struct Bodies {
    by_number: HashMap<u64, Held>,
    by_client: HashMap<u64, usize>,
    /// The sum of those that stay, and of those that were told to go.
    bytes: usize,
    leaving: usize,
    next: u64,
}

/// What is held of one body.
#[derive(Debug)]
struct Held {
    client: u64,
    bytes: usize,
    since: Instant,
    leave: Notice,
    is_leaving: bool,
}

/// What one exchange takes of the room; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Share {
    room: Rc<Room>,
    number: u64,
    client: u64,
    bytes: usize,
    leave: Notice,
}

/// That a body must make room for others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notice(Rc<Notify>);

impl Room {
    pub(crate) fn share(self: &Rc<Self>, client: IpAddr) -> Share {
        let mut bodies = self.0.borrow_mut();
        bodies.next += 1;
        Share { room: self.clone(), number: bodies.next, client: network(client), bytes: 0, leave: Notice::default() }
    }
}

impl Share {
    /// Says how much the exchange holds now.
    ///
    /// # Errors
    /// The refusal, when that is more than before, and there is no room, and no other body is a better one to end.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Box<Denial>> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes == before {
            return Ok(());
        }
        let mut bodies = self.room.0.borrow_mut();
        let began =
            || Held { client: self.client, bytes: 0, since: Instant::now(), leave: self.leave.clone(), is_leaving: false };
        bodies.by_number.entry(self.number).or_insert_with(began);
        bodies.change(self.number, bytes);
        if bytes > before && bytes > FREE_BYTES { bodies.make_room(self.number, self.client) } else { Ok(()) }
    }

    pub(crate) fn notice(&self) -> Notice {
        self.leave.clone()
    }
}

impl Notice {
    /// Reads a body until this comes.
    pub(crate) async fn or<T>(self, read: impl Future<Output = Result<T, BodyError>>) -> Result<T, BodyError> {
        tokio::select! {
            biased;
            () = self.0.notified() => Err(BodyError::Refused(full())),
            done = read => done,
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut bodies = self.room.0.borrow_mut();
        bodies.change(self.number, 0);
        bodies.by_number.remove(&self.number);
    }
}

impl Bodies {
    fn change(&mut self, number: u64, bytes: usize) {
        let Some(held) = self.by_number.get_mut(&number) else { return };
        let before = std::mem::replace(&mut held.bytes, bytes);
        let changed = |sum: usize| sum.saturating_sub(before).saturating_add(bytes);
        if held.is_leaving {
            self.leaving = changed(self.leaving);
            return;
        }
        self.bytes = changed(self.bytes);
        let of_client = changed(self.by_client.get(&held.client).copied().unwrap_or(0));
        if of_client == 0 {
            self.by_client.remove(&held.client);
        } else {
            self.by_client.insert(held.client, of_client);
        }
    }

    /// Tells bodies to go until there is room for this one: its client's own first.
    fn make_room(&mut self, number: u64, client: u64) -> Result<(), Box<Denial>> {
        let now = Instant::now();
        loop {
            let own = self.by_client.get(&client).is_some_and(|bytes| *bytes > CLIENT_BYTES_MAX);
            let goes = match own || self.bytes > BYTES_MAX {
                true => self.heaviest(own.then_some(client), now),
                false => return Ok(()),
            };
            if !goes.is_some_and(|goes| goes != number && self.tell(goes)) {
                return Err(full());
            }
        }
    }

    /// Which one has held most for longest, of all or of one client.
    fn heaviest(&self, client: Option<u64>, now: Instant) -> Option<u64> {
        let staying = self.by_number.iter().filter(|(_, held)| !held.is_leaving && held.bytes > FREE_BYTES);
        let candidates = staying.filter(|(_, held)| client.is_none_or(|client| held.client == client));
        candidates.max_by_key(|(number, held)| (held.weight(now), Reverse(**number))).map(|(number, _)| *number)
    }

    /// Tells one to go; whether that may be done before others have gone.
    fn tell(&mut self, number: u64) -> bool {
        let Some(bytes) = self.by_number.get(&number).map(|held| held.bytes) else { return false };
        if self.leaving.saturating_add(bytes) > LEAVING_BYTES_MAX {
            return false;
        }
        self.change(number, 0);
        if let Some(held) = self.by_number.get_mut(&number) {
            held.is_leaving = true;
            held.leave.0.notify_one();
        }
        self.change(number, bytes);
        true
    }
}

impl Held {
    fn weight(&self, now: Instant) -> u128 {
        let age = now.saturating_duration_since(self.since).saturating_add(Duration::from_millis(1));
        age.as_millis().saturating_mul(self.bytes as u128)
    }
}

fn full() -> Box<Denial> {
    let say = "The site has too much to read at the moment. Please try again in a moment.";
    let why = "more is held of bodies that have not come to their end than there is room for (CWE-770)";
    Denial::new("body-no-room", StatusCode::SERVICE_UNAVAILABLE, say, why).at("body", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    const LARGE: usize = 1 << 20;

    fn is_told(share: &Share) -> bool {
        let mut staying = std::pin::pin!(share.notice().or(std::future::pending::<Result<(), BodyError>>()));
        staying.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    /// Begins so many large bodies one after the other, and ends those that are told to go.
    fn begin(room: &Rc<Room>, client: [u8; 4], count: usize, shares: &mut Vec<Share>) {
        for _ in 0..count {
            let mut share = room.share(client.into());
            if share.hold(LARGE).is_ok() {
                shares.push(share);
            }
            shares.retain(|share| !is_told(share));
        }
    }

    #[test]
    fn neither_one_client_nor_all_hold_more_than_there_is() {
        let room = Rc::new(Room::default());
        let mut shares = Vec::new();
        for client in 1..=4 {
            begin(&room, [192, 0, 2, client], 40, &mut shares);
            assert_eq!(shares.len(), 16 * usize::from(client.min(3)), "client {client}");
            assert!(room.0.borrow().bytes <= BYTES_MAX);
        }
        drop(shares);
        let bodies = room.0.borrow();
        assert_eq!((bodies.bytes, bodies.leaving, bodies.by_client.len(), bodies.by_number.len()), (0, 0, 0, 0));
    }

    #[test]
    fn who_sends_just_now_takes_the_place_of_who_has_held_most_for_longest() {
        let room = Rc::new(Room::default());
        let mut shares = Vec::new();
        (1..=3).for_each(|client| begin(&room, [192, 0, 2, client], 16, &mut shares));
        let mut other = room.share([198, 51, 100, 1].into());
        assert!(other.hold(100 << 10).is_ok() && !is_told(&other));
        assert_eq!(shares.iter().filter(|share| is_told(share)).count(), 1);
        let mut neighbour = room.share([192, 0, 2, 3].into());
        assert!(neighbour.hold(100 << 10).is_ok() && !is_told(&neighbour), "a client's own dripping bodies, too");
    }

    #[test]
    fn what_was_told_to_go_and_stays_has_a_bound_too() {
        let room = Rc::new(Room::default());
        let mut shares: Vec<Share> = (0..100).map(|client| room.share([192, 0, 2, client].into())).collect();
        let held = shares.iter_mut().filter_map(|share| share.hold(LARGE).ok()).count();
        assert_eq!(held, (BYTES_MAX + LEAVING_BYTES_MAX) / LARGE);
        assert!(room.share([198, 51, 100, 1].into()).hold(FREE_BYTES).is_ok(), "ordinary forms always pass");
    }

    #[test]
    fn what_an_exchange_lets_go_is_room_again() {
        let room = Rc::new(Room::default());
        let mut share = room.share(ONE);
        assert!(share.hold(CLIENT_BYTES_MAX + 1).is_err());
        assert!(share.hold(CLIENT_BYTES_MAX).is_ok(), "less than before is never refused");
        let mut other = room.share(ONE);
        assert!(share.hold(0).is_ok());
        assert!(other.hold(CLIENT_BYTES_MAX).is_ok() && !is_told(&share));
        drop(other);
        assert!(share.hold(CLIENT_BYTES_MAX).is_ok() && !is_told(&share));
    }
}
