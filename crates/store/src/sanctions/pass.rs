//! Tokens and passes of challenges: a moment and a network, signed. Whoever has none of our key can make none, and one that was
//! given to another network is worth nothing.

use crate::state_dir::{StateDir, StateError};
use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use gambeson_core::{
    sanction::{Pass, Shown},
    store::Subject,
};
use std::{io, time::Duration};

const FILE: &str = "response.key";
const KEY_BYTES: usize = 32;
/// A form that is older is no longer taken.
const TOKEN_MS: u64 = 30 * 60 * 1000;

/// The key that signs.
#[derive(Debug)]
pub(super) struct Signer(hmac::Key);

#[derive(Clone, Copy)]
enum Kind {
    Token = 1,
    Pass = 2,
}

impl Signer {
    /// Opens the key in the state directory, or makes one.
    pub(super) fn open(dir: &StateDir) -> Result<Self, StateError> {
        let key = dir.read_or_make(FILE, KEY_BYTES as u64, draw)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// A key that nobody keeps.
    pub(super) fn drawn() -> io::Result<Self> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &draw()?)))
    }

    /// What is shown is worth this to a client of that network, challenged since a moment: what was earned before is worth nothing any
    /// more, or one pass would be leave to attack for its whole time.
    pub(super) fn judge(
        &self,
        network: Subject,
        shown: &Shown,
        wait: Duration,
        pass: Duration,
        since_ms: u64,
        now_ms: u64,
    ) -> Pass {
        let (wait_ms, pass_ms) = (millis(wait), millis(pass));
        let is_later = |age: &u64| *age <= now_ms.saturating_sub(since_ms);
        let age =
            |kind, text: &Option<String>| text.as_ref().and_then(|text| self.age(kind, network, text, now_ms)).filter(is_later);
        if age(Kind::Pass, &shown.pass).is_some_and(|age| age < pass_ms) {
            return Pass::Held;
        }
        match age(Kind::Token, &shown.token) {
            // The one it has goes on ageing: who presses again and again need not begin anew.
            Some(age) if age < wait_ms => Pass::Hasty(shown.token.clone().unwrap_or_default()),
            Some(age) if age < TOKEN_MS => Pass::Earned(self.sign(Kind::Pass, network, now_ms)),
            _ => Pass::Owed(self.sign(Kind::Token, network, now_ms)),
        }
    }

    fn sign(&self, kind: Kind, network: Subject, now_ms: u64) -> String {
        let tag = hmac::sign(&self.0, &message(kind, network, now_ms));
        BASE64_URL_SAFE_NO_PAD.encode([&now_ms.to_be_bytes(), tag.as_ref()].concat())
    }

    /// How old it is, in milliseconds, if it is ours, of that kind and for that network.
    fn age(&self, kind: Kind, network: Subject, text: &str, now_ms: u64) -> Option<u64> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (moment, tag) = bytes.split_first_chunk::<8>()?;
        let made_ms = u64::from_be_bytes(*moment);
        hmac::verify(&self.0, &message(kind, network, made_ms), tag).ok()?;
        now_ms.checked_sub(made_ms)
    }
}

fn draw() -> io::Result<Vec<u8>> {
    let mut key = vec![0; KEY_BYTES];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| io::Error::other("the system gave no random bytes"))?;
    Ok(key)
}

fn message(kind: Kind, network: Subject, now_ms: u64) -> Vec<u8> {
    format!("gambeson challenge {} {now_ms} {network}", kind as u8).into_bytes()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(3);
    const HOLDS: Duration = Duration::from_secs(3600);
    const US: Subject = Subject::Network(7);

    fn signer() -> Signer {
        let folder = tempfile::tempdir().unwrap();
        Signer::open(&StateDir::open(&folder.path().join("state")).unwrap()).unwrap()
    }

    fn show(signer: &Signer, network: Subject, shown: Shown, now_ms: u64) -> Pass {
        signer.judge(network, &shown, WAIT, HOLDS, 0, now_ms)
    }

    fn token(text: &str) -> Shown {
        Shown { token: Some(text.to_owned()), pass: None }
    }

    fn pass(text: &str) -> Shown {
        Shown { pass: Some(text.to_owned()), token: None }
    }

    #[test]
    fn who_waits_passes_for_a_while() {
        let signer = signer();
        let Pass::Owed(form) = show(&signer, US, Shown::default(), 1000) else { panic!("not owed") };
        assert_eq!(show(&signer, US, token(&form), 3999), Pass::Hasty(form.clone()));
        let Pass::Earned(cookie) = show(&signer, US, token(&form), 4000) else { panic!("not earned") };
        assert_eq!(show(&signer, US, pass(&cookie), 4000 + 3_599_999), Pass::Held);
        assert!(matches!(show(&signer, US, pass(&cookie), 4000 + 3_600_000), Pass::Owed(_)));
        assert!(matches!(show(&signer, US, token(&form), 1000 + TOKEN_MS), Pass::Owed(_)), "an old form");
    }

    #[test]
    fn what_was_earned_before_an_offence_is_worth_nothing_after_it() {
        let signer = signer();
        let judge = |shown, since_ms, now_ms| signer.judge(US, &shown, WAIT, HOLDS, since_ms, now_ms);
        let Pass::Owed(form) = judge(Shown::default(), 1000, 1000) else { panic!("not owed") };
        let Pass::Earned(cookie) = judge(token(&form), 1000, 4000) else { panic!("not earned") };
        assert_eq!(judge(pass(&cookie), 4000, 5000), Pass::Held);
        assert!(matches!(judge(pass(&cookie), 4001, 5000), Pass::Owed(_)));
        assert!(matches!(judge(token(&form), 4001, 5000), Pass::Owed(_)), "a stock of forms is none");
    }

    #[test]
    fn what_is_forged_foreign_or_of_the_other_kind_is_worth_nothing() {
        let signer = signer();
        let Pass::Owed(form) = show(&signer, US, Shown::default(), 1000) else { panic!("not owed") };
        let owed = |shown, network| matches!(show(&signer, network, shown, 5000), Pass::Owed(_));
        assert!(owed(pass(&form), US), "a form is no pass");
        assert!(owed(token(&form), Subject::Network(8)), "another network");
        for forged in ["", "A", "AAAAAAAAAAA", &form[..form.len() - 1], &format!("B{}", &form[1..]), "é", &"A".repeat(4000)] {
            assert!(owed(token(forged), US) && owed(pass(forged), US), "{forged}");
        }
        let other = self::signer();
        assert!(matches!(show(&other, US, token(&form), 5000), Pass::Owed(_)), "another key");
    }
}
