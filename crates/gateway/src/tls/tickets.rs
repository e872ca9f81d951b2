//! Session tickets whose keys rotate, are shared by all workers, and can be handed to the next process.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use rustls::server::ProducesTickets;

use super::TlsError;

/// A key makes tickets for this long, and is kept as long again to accept them: 6 hours, the compromise between
/// resumption and forward secrecy (whoever learns a key reads the sessions resumed with it). AES-GCM with random
/// nonces allows 2^32 tickets a key: 100,000 a second for the whole time.
const ROTATION_SECS: u64 = 6 * 60 * 60;

const NAME_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const BORN_BYTES: usize = 8;
const KEYS_MAX: usize = 2;

/// Names the format handed over between processes.
const MAGIC: &[u8] = b"gambeson tickets 1\n";

/// Ticket keys, newest first. Give one and the same to every configuration and worker, so that a session begun
/// anywhere resumes anywhere.
pub struct Tickets {
    keys: ArcSwap<Vec<Arc<Key>>>,
    rotating: Mutex<()>,
}

struct Key {
    name: [u8; NAME_BYTES],
    secret: [u8; SECRET_BYTES],
    /// Seconds since 1970.
    born: u64,
    cipher: RandomizedNonceKey,
}

impl Key {
    fn generate(now: u64) -> Result<Self, TlsError> {
        let (mut name, mut secret) = ([0; NAME_BYTES], [0; SECRET_BYTES]);
        getrandom::fill(&mut name)
            .and_then(|()| getrandom::fill(&mut secret))
            .map_err(|error| TlsError::Configuration(format!("no entropy for ticket keys: {error}")))?;
        Self::new(name, secret, now)
    }

    fn new(name: [u8; NAME_BYTES], secret: [u8; SECRET_BYTES], born: u64) -> Result<Self, TlsError> {
        let cipher =
            RandomizedNonceKey::new(&AES_256_GCM, &secret).map_err(|_| TlsError::Configuration("ticket key refused".into()))?;
        Ok(Self { name, secret, born, cipher })
    }

    fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.born)
    }

    /// `name | nonce | ciphertext | tag`; the name is authenticated with the rest.
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self.cipher.seal_in_place_append_tag(Aad::from(self.name), &mut sealed).ok()?;
        Some([&self.name[..], &nonce.as_ref()[..], &sealed].concat())
    }

    fn open(&self, nonce: &[u8; NONCE_LEN], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.cipher.open_in_place(nonce, Aad::from(self.name), &mut bytes).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }
}

impl Tickets {
    /// Fresh keys.
    pub fn new() -> Result<Self, TlsError> {
        Ok(Self::with(vec![Arc::new(Key::generate(unix_now())?)]))
    }

    fn with(keys: Vec<Arc<Key>>) -> Self {
        Self { keys: ArcSwap::from_pointee(keys), rotating: Mutex::new(()) }
    }

    /// The keys, for the process that takes over: to be passed through memory (a pipe or the socket that carries
    /// the listeners), never through a file, which would outlive them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for key in self.keys.load().iter() {
            bytes.extend_from_slice(&key.name);
            bytes.extend_from_slice(&key.secret);
            bytes.extend_from_slice(&key.born.to_be_bytes());
        }
        bytes
    }

    /// The keys of the process before; nothing if the bytes are not of this format.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let keys = bytes
            .strip_prefix(MAGIC)?
            .chunks(NAME_BYTES + SECRET_BYTES + BORN_BYTES)
            .map(|chunk| {
                let (name, rest) = chunk.split_first_chunk()?;
                let (secret, rest) = rest.split_first_chunk()?;
                let born = u64::from_be_bytes(rest.try_into().ok()?);
                Key::new(*name, *secret, born).ok().map(Arc::new)
            })
            .collect::<Option<Vec<_>>>()?;
        (1..=KEYS_MAX).contains(&keys.len()).then(|| Self::with(keys))
    }

    /// Replaces the newest key when it is due, and forgets keys past their time. Called at every use; call it
    /// from time to time as well, so that an idle server forgets too.
    pub fn rotate(&self) {
        self.rotate_at(unix_now());
    }

    fn rotate_at(&self, now: u64) {
        let due = |keys: &[Arc<Key>]| keys.first().is_none_or(|key| key.age(now) >= ROTATION_SECS);
        if !due(&self.keys.load()) {
            return;
        }
        let _one = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = self.keys.load();
        if !due(&keys) {
            return; // another thread was faster
        }
        let Ok(fresh) = Key::generate(now) else {
            return; // the old key serves on; the next call tries again
        };
        let kept = keys.iter().filter(|key| key.age(now) < 2 * ROTATION_SECS);
        let rotated = std::iter::once(Arc::new(fresh)).chain(kept.cloned()).take(KEYS_MAX).collect();
        self.keys.store(Arc::new(rotated));
    }

    fn encrypt_at(&self, plain: &[u8], now: u64) -> Option<Vec<u8>> {
        self.rotate_at(now);
        self.keys.load().first()?.seal(plain)
    }

    fn decrypt_at(&self, ticket: &[u8], now: u64) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_first_chunk::<NAME_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let keys = self.keys.load();
        let usable = |key: &&Arc<Key>| key.name == *name && key.age(now) < 2 * ROTATION_SECS;
        keys.iter().find(usable)?.open(nonce, sealed)
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    /// A ticket made at the end of its key's turn is accepted for one rotation more.
    fn lifetime(&self) -> u32 {
        ROTATION_SECS as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.encrypt_at(plain, unix_now())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.decrypt_at(ticket, unix_now())
    }
}

/// Never the keys.
impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("keys", &self.keys.load().len()).finish_non_exhaustive()
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_until_its_key_has_been_rotated_twice() {
        let tickets = Tickets::new().unwrap();
        let start = unix_now();
        let ticket = tickets.encrypt_at(b"session", start).unwrap();
        assert_eq!(tickets.decrypt_at(&ticket, start).unwrap(), b"session");

        let newer = tickets.encrypt_at(b"newer", start + ROTATION_SECS).unwrap();
        assert_ne!(ticket[..NAME_BYTES], newer[..NAME_BYTES], "the key was rotated");
        assert!(tickets.decrypt_at(&ticket, start + ROTATION_SECS).is_some());
        assert!(tickets.decrypt_at(&ticket, start + 2 * ROTATION_SECS).is_none(), "too old, even if still held");

        tickets.rotate_at(start + 2 * ROTATION_SECS);
        assert!(tickets.decrypt_at(&ticket, start).is_none(), "forgotten");
        assert!(tickets.decrypt_at(&newer, start + 2 * ROTATION_SECS).is_some());
    }

    #[test]
    fn a_changed_or_foreign_ticket_does_not_open() {
        let tickets = Tickets::new().unwrap();
        let ticket = tickets.encrypt(b"session").unwrap();
        for position in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[position] ^= 1;
            assert!(tickets.decrypt(&changed).is_none(), "byte {position}");
            assert!(tickets.decrypt(&ticket[..position]).is_none(), "cut at {position}");
        }
        assert!(Tickets::new().unwrap().decrypt(&ticket).is_none());
    }

    #[test]
    fn keys_survive_a_restart() {
        let before = Tickets::new().unwrap();
        let old = before.encrypt(b"old").unwrap();
        before.rotate_at(unix_now() + ROTATION_SECS);
        let handed = before.to_bytes();
        let after = Tickets::from_bytes(&handed).unwrap();
        assert_eq!(after.decrypt(&old).unwrap(), b"old");
        assert_eq!(before.decrypt(&after.encrypt(b"new").unwrap()).unwrap(), b"new");
        for cut in 0..handed.len() {
            let whole_keys = (cut.saturating_sub(MAGIC.len())) % 56 == 0 && cut > MAGIC.len();
            assert_eq!(Tickets::from_bytes(&handed[..cut]).is_some(), whole_keys, "cut at {cut}");
        }
        assert!(!format!("{after:?}").contains("secret"));
    }
}
