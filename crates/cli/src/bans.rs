//! `gambeson bans`

use crate::{Failure, Global, Outcome, Result};
use gambeson_core::{
    policy::{Policy, duration},
    sanction::{Reach, Rung, Sanction},
    store::Subject,
};
use gambeson_gateway::service::{ControlError, sanctions};
use gambeson_store::{
    audit::printable,
    sanctions::{BanFile, by_operator},
    state_dir::StateDir,
};
use std::{
    fmt::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Who is shut out: list sanctions, ban an address, lift what was too much
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List the bans; while the gateway runs, every other sanction in force, too
    List,
    /// Ban an address (of IPv6 its /64), or what is allocated together
    Add {
        /// 192.0.2.7 or 2001:db8::7; 192.0.2.0/24 or 2001:db8::/48
        #[arg(value_name = "ADDRESS", value_parser = network)]
        subject: Subject,
        /// For how long, such as 30m, 12h or 7d
        #[arg(long = "for", value_name = "TIME", default_value = "24h", value_parser = time)]
        time: Duration,
        /// Why, for whoever reads the list
        #[arg(long, value_name = "TEXT", default_value = "by the operator")]
        reason: String,
    },
    /// Lift a sanction, or all of an address, and forget what led to it
    Lift {
        /// The id that the list and the log show, or an address
        #[arg(value_name = "ID|ADDRESS")]
        what: String,
    },
}

fn network(text: &str) -> std::result::Result<Subject, String> {
    match Subject::try_from(text.to_owned())? {
        subject @ (Subject::Network(_) | Subject::Allocation(_)) => Ok(subject),
        _ => Err("write an address such as 192.0.2.7 or 2001:db8::7".to_owned()),
    }
}

/// Ten years are for ever.
const TIME_MAX: Duration = Duration::from_secs(3650 * 86_400);

fn time(text: &str) -> std::result::Result<Duration, String> {
    let sane = |time: &Duration| (Duration::from_secs(1)..=TIME_MAX).contains(time);
    duration(text).filter(sane).ok_or_else(|| "write a time such as 30m, 12h or 7d".to_owned())
}

pub(crate) fn run(args: &Args, global: &Global) -> Result {
    let state = StateDir::open(&global.state_dir()?).map_err(failure)?;
    let file = BanFile::new(state.clone());
    match &args.what {
        What::List => list(&in_force(&state, &file)?, global),
        What::Add { subject, time, reason } => {
            let short: String = reason.chars().take(200).collect();
            let ban = by_operator(*subject, &short, *time, now_ms());
            file.ban(&ban, now_ms()).map_err(failure)?;
            tell_if_spared(*subject, global);
            let _known = in_force(&state, &file)?;
            global.print(&ban, |ban| format!("{} is banned until {}: {}\n", ban.subject, ban.end(), ban.id))?;
            Ok(Outcome::Fine)
        }
        What::Lift { what } => lift(&state, &file, what.trim(), global),
    }
}

/// A ban that the policy does not let hold is worth a word.
#[allow(clippy::print_stderr, reason = "beside the output, which may be JSON")]
fn tell_if_spared(subject: Subject, global: &Global) {
    let policy =
        global.policy_path().and_then(|path| crate::global::read_policy(&path)).ok().and_then(|text| Policy::parse(&text).ok());
    let spared = |policy: &Policy| subject.address().is_some_and(|address| policy.layers.response.spares(address));
    if policy.is_some_and(|policy| spared(&policy)) {
        eprintln!("gambeson: `response.never` names {subject}, so this ban refuses nothing");
    }
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

/// What the serving process knows, or what stands in the file when there is none.
fn in_force(state: &StateDir, file: &BanFile) -> Result<Vec<Sanction>> {
    match sanctions(state) {
        Ok(sanctions) => Ok(sanctions),
        Err(ControlError::Nobody(_)) => file.bans(now_ms()).map_err(failure),
        Err(error) => Err(failure(error)),
    }
}

fn lift(state: &StateDir, file: &BanFile, what: &str, global: &Global) -> Result {
    let subject = Subject::try_from(what.to_owned()).ok();
    let is_meant = |sanction: &Sanction| sanction.id == what || Some(sanction.subject) == subject;
    let lifted: Vec<Sanction> = in_force(state, file)?.into_iter().filter(is_meant).collect();
    if lifted.is_empty() {
        return Err(
            Failure::new(format!("no sanction of {} is in force", printable(what))).help("`gambeson bans list` shows them all")
        );
    }
    let name = subject.map_or_else(|| what.to_owned(), |subject| subject.to_string());
    file.lift(&name, now_ms()).map_err(failure)?;
    let left = in_force(state, file)?.iter().any(is_meant);
    global.print(&lifted, |lifted| lifted.iter().map(|one| format!("lifted: {}\n", line(one))).collect())?;
    Ok(Outcome::findings_if(left))
}

fn list(sanctions: &Vec<Sanction>, global: &Global) -> Result {
    global.print(sanctions, |sanctions| match sanctions.is_empty() {
        true => "nobody is under a sanction\n".to_owned(),
        false => sanctions.iter().fold(String::new(), |mut text, one| {
            let _ = writeln!(text, "{}", line(one));
            text
        }),
    })?;
    Ok(Outcome::Fine)
}

fn line(sanction: &Sanction) -> String {
    let Sanction { id, rung, subject, reason, reach, .. } = sanction;
    let where_ = if *reach == Reach::Login && *rung != Rung::Ban { " at the login" } else { "" };
    printable(&format!("{id}  {rung}{where_} of {subject} until {}: {reason}", sanction.end()))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
