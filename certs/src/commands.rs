//! Doing what was asked, and saying what changed and what comes next.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use certs::{
    Authority, Error, Facts, Result, Tier, Topology, Usage, create_private_dir, profile::TRANSPORT_DAYS, write_public,
};
use time::OffsetDateTime;

use crate::{
    cli::{Args, Command, Lang},
    words,
};

pub(crate) fn run(args: &Args) -> Result<()> {
    let (lang, now) = (args.lang, OffsetDateTime::now_utc());
    match &args.command {
        Command::Init { name, trust_domain, out } => init(name, trust_domain, out, now, lang),
        Command::Plan { topology, ca, out, days } => plan(topology, ca, out, *days, now, lang),
        Command::Issue { ca, tier, unit, topology, out } => {
            let authority = Authority::load(ca)?;
            issue(&authority, (*tier, unit), topology.as_deref(), out, now, lang)
        }
        Command::Sign { csr, ca, tier, unit, usage, days, out } => {
            let authority = Authority::load(ca)?;
            sign(&authority, csr, (*tier, unit), (*usage, days.unwrap_or(usage.days())), out, now, lang)
        }
        Command::Inspect { file, short, json } => inspect(file, *short, *json, now, lang),
    }
}

fn init(name: &str, trust_domain: &str, out: &Path, now: OffsetDateTime, lang: Lang) -> Result<()> {
    Authority::create(name, trust_domain, now)?.save(out)?;
    say(&words::made_authority(name, trust_domain, out, lang))
}

fn plan(file: &Path, ca: &Path, out: &Path, days: i64, now: OffsetDateTime, lang: Lang) -> Result<()> {
    let topology = Topology::read(file)?;
    let authority = Authority::load(ca)?;
    topology.expect_trust_domain(authority.trust_domain())?;
    create_private_dir(out)?;
    // Looked at before the first key is made, so that a second run by mistake does not leave half a country behind.
    for station in &topology.stations {
        let dir = out.join(station.id.unit());
        if fs::symlink_metadata(&dir).is_ok() {
            return Err(Error::Exists { file: dir });
        }
    }
    for station in &topology.stations {
        let unit = station.id.unit();
        authority
            .issue_station_at(station.tier, unit, &station.desk, now, days)?
            .write(&out.join(unit), &topology.text)?;
    }
    say(&words::who_gets_what(&topology.stations, lang))?;
    say(&words::made_plan(topology.stations.len(), &topology.name, out, lang))
}

fn issue(
    authority: &Authority,
    (tier, unit): (Tier, &str),
    tree: Option<&Path>,
    out: &Path,
    now: OffsetDateTime,
    lang: Lang,
) -> Result<()> {
    let tree = tree.map(Topology::read).transpose()?;
    let mut hosts: &[String] = &[];
    if let Some(tree) = &tree {
        tree.expect_trust_domain(authority.trust_domain())?;
        hosts = &tree.expect_station(tier, unit)?.desk;
    }
    let bundle = authority.issue_station_at(tier, unit, hosts, now, TRANSPORT_DAYS)?;
    match &tree {
        Some(tree) => bundle.write(out, &tree.text)?,
        None => bundle.write_identity(out)?,
    }
    say(&words::made_bundle(&bundle.id, out, lang))
}

fn sign(
    authority: &Authority,
    csr: &Path,
    (tier, unit): (Tier, &str),
    (usage, days): (Usage, i64),
    out: &Path,
    now: OffsetDateTime,
    lang: Lang,
) -> Result<()> {
    let request = fs::read_to_string(csr).map_err(|source| Error::Unread { file: csr.to_owned(), source })?;
    let id = authority.station_id(tier, unit)?;
    let profile = authority.station_profile(&id, usage, now, days)?;
    let certificate = authority.sign_csr(&request, &profile)?;
    write_public(out, &certificate.pem())?;
    say(&words::signed(&id, usage, profile.not_after, out, lang))
}

fn inspect(file: &Path, short: bool, json: bool, now: OffsetDateTime, lang: Lang) -> Result<()> {
    for facts in Facts::read(file, now)? {
        let text = match (json, short) {
            (true, _) => facts.to_json(),
            (_, true) => words::facts_short(&facts, lang),
            _ => words::facts_long(&facts, lang),
        };
        say(&text)?;
    }
    Ok(())
}

/// A closed pipe (`… | head`) is no failure: whoever reads has seen enough.
fn say(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Unwritten { file: "stdout".into(), source })
        }
        _ => Ok(()),
    }
}
