//! What is held of request bodies until it is judged: so much in all, and so much for one client.
//!
//! A body is judged value by value, and one value may be a megabyte. One that is never sent to its end, over each of hundreds of
//! connections, would fill the memory (CWE-770); so who sends more when the room is taken is told to come again.

use crate::server::network;
use gambeson_core::layers::Denial;
use http::StatusCode;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::IpAddr,
    rc::Rc,
};

/// Bytes that one serving thread holds at most, but for beginnings.
const BYTES_MAX: usize = 48 << 20;
/// Of these, one client (IPv6: one /64 network) gets so many: a third, so that nobody keeps all others from sending.
const CLIENT_BYTES_MAX: usize = 16 << 20;
/// Beginnings of this length are counted but never refused: ordinary forms are no longer.
const FREE_BYTES: usize = 4 << 10;

/// The room of one serving thread.
#[derive(Debug, Default)]
pub(crate) struct Room {
    bytes: Cell<usize>,
    by_client: RefCell<HashMap<u64, usize>>,
}

/// What one exchange takes of it; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Share {
    room: Rc<Room>,
    client: u64,
    bytes: usize,
}

impl Room {
    pub(crate) fn share(self: &Rc<Self>, client: IpAddr) -> Share {
        Share { room: self.clone(), client: network(client), bytes: 0 }
    }

    /// Counts `more` instead of `less`; what the client holds then.
    fn count(&self, client: u64, less: usize, more: usize) -> usize {
        self.bytes.set(self.bytes.get().saturating_sub(less).saturating_add(more));
        let mut by_client = self.by_client.borrow_mut();
        let bytes = by_client.get(&client).map_or(0, |bytes| bytes.saturating_sub(less)).saturating_add(more);
        if bytes == 0 {
            by_client.remove(&client);
        } else {
            by_client.insert(client, bytes);
        }
        bytes
    }
}

impl Share {
    /// Says how much the exchange holds now.
    ///
    /// # Errors
    /// The refusal, when that is more than before and more than there is room for.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Box<Denial>> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes == before {
            return Ok(());
        }
        let of_client = self.room.count(self.client, before, bytes);
        let no_room = of_client > CLIENT_BYTES_MAX || self.room.bytes.get() > BYTES_MAX;
        if bytes > before && bytes > FREE_BYTES && no_room { Err(full()) } else { Ok(()) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.count(self.client, self.bytes, 0);
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

    #[test]
    fn one_client_gets_its_share_and_all_get_no_more_than_there_is() {
        let room = Rc::new(Room::default());
        let mut shares = Vec::new();
        for client in 0..4_u8 {
            let mut held = 0;
            loop {
                let mut share = room.share([192, 0, 2, client].into());
                if share.hold(1 << 20).is_err() {
                    break;
                }
                held += 1;
                shares.push(share);
            }
            assert_eq!(held, if client < 3 { 16 } else { 0 }, "client {client}");
        }
        assert!(room.share([192, 0, 2, 9].into()).hold(FREE_BYTES).is_ok(), "ordinary forms always pass");
        shares.truncate(40);
        assert!(room.share([192, 0, 2, 9].into()).hold(1 << 20).is_ok());
        drop(shares);
        assert_eq!((room.bytes.get(), room.by_client.borrow().len()), (0, 0));
    }

    #[test]
    fn what_an_exchange_lets_go_is_room_again() {
        let room = Rc::new(Room::default());
        let mut share = room.share(ONE);
        assert!(share.hold(CLIENT_BYTES_MAX + 1).is_err());
        assert!(share.hold(CLIENT_BYTES_MAX).is_ok(), "less than before is never refused");
        assert!(room.share(ONE).hold(FREE_BYTES + 1).is_err());
        assert!(share.hold(0).is_ok());
        assert!(room.share(ONE).hold(FREE_BYTES + 1).is_ok());
    }
}
