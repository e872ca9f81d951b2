//! One run: every allowed probe against one target.

use std::net::Ipv4Addr;

use crate::app::App;
use crate::client::{Client, Limits};
use crate::context::Context;
use crate::evidence::Evidence;
use crate::probe::{Effect, Failed, Probe, Twin, Verdict};
use crate::report::{Finding, Report};
use crate::target::Target;
use crate::tls::Trust;
use crate::{Error, probes};

/// How to attack.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is known of the app.
    pub app: App,
    /// Probes with a greater effect are skipped, and said to be.
    pub effect: Effect,
    /// Only probes whose id begins with one of these; all when empty.
    pub only: Vec<String>,
    /// Whether the legitimate twins are run as well.
    pub twins: bool,
    /// Which certificates are believed.
    pub trust: Trust,
    /// What the run may use up.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            app: App::default(),
            effect: Effect::Active,
            only: Vec::new(),
            twins: true,
            trust: Trust::Nobody,
            limits: Limits::default(),
        }
    }
}

impl Options {
    /// Whether a probe is asked for.
    pub fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|start| id.starts_with(start.as_str()))
    }
}

/// Told how the run goes on.
pub trait Progress {
    /// A probe begins; `index` of `total`, from 0.
    fn begin(&mut self, probe: &Probe, index: usize, total: usize);

    /// It has ended.
    fn end(&mut self, finding: &Finding);
}

/// Progress that nobody watches.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _: &Probe, _: usize, _: usize) {}
    fn end(&mut self, _: &Finding) {}
}

/// Attacks `target` and reports what got through. `evidence`: the gateway's own record, where there is access to it.
pub fn run(
    target: &Target,
    options: &Options,
    evidence: Option<&dyn Evidence>,
    progress: &mut dyn Progress,
) -> Result<Report, Error> {
    let client = Client::new(target.clone(), options.trust.config()?, options.limits.clone());
    let mut context = Context::new(client, &options.app, evidence);
    answers(&mut context)?;
    let chosen: Vec<&Probe> = probes::all().filter(|probe| options.wants(probe.id)).collect();
    let network = random_octet();
    let mut findings = Vec::new();
    for (index, probe) in chosen.iter().enumerate() {
        progress.begin(probe, index, chosen.len());
        let finding = judge(probe, &mut context, options, network, index);
        progress.end(&finding);
        findings.push(finding);
    }
    // What stays behind is a nuisance, not a finding; the attacks are over either way.
    let _ = context.sweep();
    Ok(Report {
        target: target.origin.to_string(),
        authorized_by: target.authorized_by.clone(),
        app: options.app.name.clone(),
        requests: context.client.requests_made(),
        findings,
    })
}

/// Makes sure that there is an app behind the address.
fn answers(context: &mut Context<'_>) -> Result<(), Error> {
    let why = match context.front() {
        Ok(page) if !matches!(page.status, 502..=504) => return Ok(()),
        Ok(page) => format!("status {}", page.status),
        Err(Failed(why)) => why,
    };
    Err(Error::Down { target: context.origin().to_string(), why })
}

fn judge(probe: &Probe, context: &mut Context<'_>, options: &Options, network: u8, index: usize) -> Finding {
    let own_network = |side: u8| Some(Ipv4Addr::new(127, network, u8::try_from(index).unwrap_or(u8::MAX), side));
    let not_run = || Twin::Unknown { why: "not run".into() };
    let (verdict, twin) = if probe.effect > options.effect {
        (
            Verdict::Skipped { why: format!("its effect is {}, and only up to {} is allowed", probe.effect, options.effect) },
            not_run(),
        )
    } else {
        // The twin comes from another address than the attack: a visitor is not to pay for the attacker.
        context.client.come_from(own_network(1));
        context.be_a_visitor();
        let twin = if options.twins { probe.run_twin(context) } else { not_run() };
        context.client.come_from(own_network(129));
        context.be_an_attacker();
        (probe.run(context), twin)
    };
    Finding {
        id: probe.id,
        layer: probe.layer(),
        title: probe.title,
        effect: probe.effect,
        cwe: probe.cwe,
        asvs: probe.asvs,
        verdict,
        twin,
    }
}

/// A part of 127.0.0.0/8 for this run, so that limits another run has used up are not met again.
fn random_octet() -> u8 {
    let mut byte = [0];
    let _ = getrandom::fill(&mut byte); // without entropy: always the same part, and then a limit may be met
    byte.first().map_or(2, |byte| byte % 250 + 2)
}
