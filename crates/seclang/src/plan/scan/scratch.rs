//! What a thread needs while it looks at values, kept from one exchange to the next.

use super::super::sweep::{Found, Memory};
use super::forms::Forms;
use super::memo::Memo;
use regex_automata::util::pool::{Pool, PoolGuard};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// The things of one thread.
pub(super) struct Scratch {
    pub(super) sweep: Memory,
    pub(super) pieces: Found,
    pub(super) memo: Memo,
    pub(super) forms: Forms,
}

type Make = Box<dyn Fn() -> Scratch + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// The things of all threads.
pub(super) struct Scratches(Pool<Scratch, Make>);

impl Scratches {
    pub(super) fn get(&self) -> PoolGuard<'_, Scratch, Make> {
        self.0.get()
    }
}

impl Default for Scratches {
    fn default() -> Self {
        let make = || Scratch { sweep: Memory::default(), pieces: Found::default(), memo: Memo::new(), forms: Forms::default() };
        Scratches(Pool::new(Box::new(make)))
    }
}

impl fmt::Debug for Scratches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scratches")
    }
}
