//! `incident export` hands out what proves an event; `msg verify` says, on any machine, what it proves.

use std::{fs, io::Write as _, path::PathBuf};

use bytes::Bytes;
use clap::{ArgMatches, Command, value_parser};
use proto::v1::ExportRequest;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::json;

use super::{
    args,
    attachment::{Partial, unwritten},
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    names::Names,
    table::{self, Columns},
    terms::Listed as _,
    time, visible,
    words::Words,
};
use crate::{
    config::Config,
    evidence::verify::{Fault, NotEvidence, Verdict, verify},
    identity,
    post::{
        envelope::{Digest, digest},
        refusal::Code,
    },
};

/// A file that is longer is none of ours.
const EVIDENCE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// `incident export ID -o FILE [--purpose TEXT]`
pub(super) fn export_command(words: &Words) -> Command {
    args::verb(words, "export", "cmd-incident-export")
        .arg(args::document(words))
        .arg(
            args::option(words, "output", "arg-evidence-output")
                .short('o')
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(args::option(words, "purpose", "arg-evidence-purpose").value_name("TEXT"))
}

/// `msg verify FILE [--root FILE]`
pub(super) fn verify_command(words: &Words) -> Command {
    args::verb(words, "verify", "cmd-msg-verify")
        .arg(args::positional(words, "file", "FILE", "arg-evidence-file").value_parser(value_parser!(PathBuf)))
        .arg(args::option(words, "root", "arg-evidence-root").value_name("FILE").value_parser(value_parser!(PathBuf)))
}

/// Writes what the station hands out, whole or not at all.
pub(super) fn export(call: &Call, given: &ArgMatches) -> Outcome {
    let Some(path) = given.get_one::<PathBuf>("output") else { return Ok(Exit::Usage) };
    let request = ExportRequest {
        incident: args::required(given, "document").to_owned(),
        officer: call.officer()?,
        purpose: args::text(given, "purpose").unwrap_or_default().to_owned(),
    };
    let shown = path.display().to_string();
    call.online(async |station| {
        let mut parts = call.answer(station.export(request).await)?;
        let partial = Partial::create(path).map_err(|error| unwritten(call, &shown, &error))?;
        let (mut length, mut bar) = (0, None);
        while let Some(part) = parts.message().await.map_err(|status| call.failure(&status))? {
            let bar = bar.get_or_insert_with(|| call.bytes_bar(&shown, part.length));
            partial.file().write_all(&part.bytes).map_err(|error| unwritten(call, &shown, &error))?;
            length += part.bytes.len() as u64;
            bar.set_position(length);
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        partial.keep(path).map_err(|error| unwritten(call, &shown, &error))?;
        if call.json {
            call.object(&json!({ "schema": "zhuji.evidence-file/1", "file": shown, "length": length }));
        } else {
            let args = [("file", shown.as_str().into()), ("size", table::bytes(length).into())];
            call.word(&call.words.say("evidence-written", &args));
        }
        Ok(Exit::Done)
    })
}

/// Says what a file proves. Asks no station.
pub(super) fn check(call: &Call, given: &ArgMatches) -> Outcome {
    let Some(path) = given.get_one::<PathBuf>("file") else { return Ok(Exit::Usage) };
    let shown = path.display().to_string();
    let unread = |error: &std::io::Error| Failure::file(&shown, error, &call.words);
    let length = fs::metadata(path).map_err(|error| unread(&error))?.len();
    let bytes =
        if length > EVIDENCE_BYTES_MAX { Vec::new() } else { fs::read(path).map_err(|error| unread(&error))? };
    let verdict = verify(Bytes::from(bytes)).map_err(|error| {
        let file = ("file", shown.as_str().into());
        let said = match &error {
            NotEvidence::Malformed => call.words.say("evidence-none", &[file]),
            NotEvidence::Format { format } => call.words.say("evidence-newer", &[file, ("format", (*format).into())]),
            NotEvidence::Certificates { why } => {
                call.words.say("evidence-no-certificates", &[file, ("why", visible::line(why).into())])
            }
        };
        Failure::new(Exit::Failed, said)
    })?;
    let root = trusted(call, given.get_one::<PathBuf>("root"), &verdict)?;
    if call.json {
        call.object(&json(&verdict, root));
    } else {
        call.data(&render(&verdict, &Names::default(), &call.words));
        let fingerprint = verdict.roots.first().map(|root| document::hex(root)).unwrap_or_default();
        let said = match root {
            Root::Known => "evidence-root-known",
            Root::Unknown => "evidence-root-unknown",
            Root::Foreign => "evidence-root-foreign",
        };
        call.word(&call.words.say(said, &[("fingerprint", fingerprint.into())]));
        let args = [("documents", verdict.documents.len().into()), ("receipts", verdict.receipts.len().into())];
        match verdict.faults.len() {
            0 if root == Root::Known => call.word(&call.words.say("evidence-holds", &args)),
            0 => {}
            faults => call.word(&call.words.say("evidence-fails", &[("count", faults.into())])),
        }
    }
    Ok(if verdict.faults.is_empty() && root == Root::Known { Exit::Done } else { Exit::Failed })
}

/// Whether everything leads to a root that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Known,
    /// There is nothing to compare with: whoever forges a country forges its root.
    Unknown,
    Foreign,
}

fn trusted(call: &Call, given: Option<&PathBuf>, verdict: &Verdict) -> Result<Root, Failure> {
    let known: Vec<Digest> = match given {
        Some(path) => {
            let shown = path.display().to_string();
            let bytes = fs::read(path).map_err(|error| Failure::file(&shown, &error, &call.words))?;
            let roots = CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok);
            let roots: Vec<Digest> = roots.map(|root| digest(&root)).collect();
            if roots.is_empty() {
                let args = [("file", shown.into())];
                return Err(Failure::new(Exit::Usage, call.words.say("evidence-no-root-in", &args)));
            }
            roots
        }
        // The one this machine's station trusts, if there is a station.
        None => Config::load(&call.config)
            .ok()
            .and_then(|config| identity::roots(&config.identity.directory).ok())
            .map(|roots| roots.iter().map(|root| digest(root)).collect())
            .unwrap_or_default(),
    };
    Ok(match known.is_empty() {
        true => Root::Unknown,
        // One of its own beside ours would vouch for anything.
        false if !verdict.roots.is_empty() && verdict.roots.iter().all(|root| known.contains(root)) => Root::Known,
        false => Root::Foreign,
    })
}

/// One line a fact.
fn render(verdict: &Verdict, names: &Names, words: &Words) -> String {
    let statement = &verdict.statement;
    let args = [
        ("station", names.get(&statement.station).into()),
        ("officer", visible::line(&statement.officer).into()),
        ("at", time::clock(statement.at_us).into()),
        ("network", visible::line(&statement.trust_domain).into()),
    ];
    let mut text = format!("{}\n", words.say("evidence-statement", &args));
    if !statement.purpose.is_empty() {
        let purpose = [("purpose", visible::line(&statement.purpose).into())];
        text.push_str(&format!("{}\n", words.say("evidence-purpose", &purpose)));
    }
    let heads = ["head-number", "head-kind", "head-from", "head-sealed", "head-text"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for one in &verdict.documents {
        table.row([
            visible::line(&one.header.number),
            one.header.kind().word(words),
            names.get(&one.header.origin),
            time::clock(one.sealed_at_us),
            words.text(if one.document.is_some() { "evidence-whole" } else { "evidence-no-text" }),
        ]);
    }
    text.push_str(&table.render());
    if !verdict.receipts.is_empty() {
        let heads = ["head-number", "head-stage", "head-station", "head-actor", "head-moment"];
        let mut table = Columns::new(heads.map(|key| words.text(key)));
        for (number, receipt) in &verdict.receipts {
            table.row([
                visible::line(number),
                receipt.stage().word(words),
                names.get(&receipt.station),
                visible::line(&receipt.officer),
                time::clock_ms(receipt.at_us),
            ]);
        }
        text.push_str(&table.render());
    }
    for fault in &verdict.faults {
        text.push_str(&format!("✗ {}\n", said(fault, names, words)));
    }
    text
}

fn said(fault: &Fault, names: &Names, words: &Words) -> String {
    match fault {
        Fault::Statement { station, why } => {
            let args = [("station", names.get(station).into()), ("why", visible::line(why).into())];
            words.say("evidence-fault-statement", &args)
        }
        Fault::Seal { block, why } => {
            let reason = words.text(match why.code() {
                Code::SealNotTheirs => "evidence-why-seal",
                Code::AlteredHeader | Code::AlteredBody => "evidence-why-altered",
                Code::UnknownFormat => "evidence-why-format",
                _ => "evidence-why-malformed",
            });
            let why = format!("{reason} [{}]", visible::line(&why.to_string()));
            let args = [("block", (*block).into()), ("why", why.into())];
            words.say("evidence-fault-seal", &args)
        }
        Fault::Added { count } => words.say("evidence-fault-added", &[("count", (*count).into())]),
        Fault::Removed { count } => words.say("evidence-fault-removed", &[("count", (*count).into())]),
        Fault::NoBody { number } => words.say("evidence-fault-no-body", &[("number", visible::line(number).into())]),
        Fault::Missing { positions } => {
            let positions: Vec<_> = positions.iter().map(u32::to_string).collect();
            words.say("evidence-fault-missing", &[("positions", positions.join(&words.text("list-comma")).into())])
        }
        Fault::Usurped { origin, station } => {
            let args = [("origin", names.get(origin).into()), ("station", names.get(station).into())];
            words.say("evidence-fault-usurped", &args)
        }
    }
}

fn code(fault: &Fault) -> &'static str {
    match fault {
        Fault::Statement { .. } => "statement",
        Fault::Seal { .. } => "seal",
        Fault::Added { .. } => "added",
        Fault::Removed { .. } => "removed",
        Fault::NoBody { .. } => "no-body",
        Fault::Missing { .. } => "missing",
        Fault::Usurped { .. } => "usurped",
    }
}

fn json(verdict: &Verdict, root: Root) -> serde_json::Value {
    let statement = &verdict.statement;
    json!({
        "schema": "zhuji.evidence/1",
        "holds": verdict.faults.is_empty() && root == Root::Known,
        "root": match root { Root::Known => "known", Root::Unknown => "unknown", Root::Foreign => "foreign" },
        "roots": verdict.roots.iter().map(|root| document::hex(root)).collect::<Vec<_>>(),
        "station": statement.station,
        "trust_domain": statement.trust_domain,
        "officer": statement.officer,
        "purpose": statement.purpose,
        "at": time::rfc3339(statement.at_us),
        "incident": document::id(&statement.incident),
        "documents": verdict.documents.iter().map(|one| json!({
            "id": document::id(&one.header.id),
            "number": one.header.number,
            "kind": one.header.kind().code(),
            "origin": one.header.origin,
            "position": one.header.position,
            "policy": document::some(&one.header.policy),
            "sealed_at": time::rfc3339(one.sealed_at_us),
            "whole": one.document.is_some(),
        })).collect::<Vec<_>>(),
        "receipts": verdict.receipts.iter().map(|(number, receipt)| json!({
            "number": number,
            "stage": receipt.stage().code(),
            "station": receipt.station,
            "officer": document::some(&receipt.officer),
            "at": time::rfc3339(receipt.at_us),
        })).collect::<Vec<_>>(),
        "ways": statement.ways.iter().map(|way| json!({
            "id": document::id(&way.document),
            "destination": way.destination,
            "from": document::some(&way.from),
            "arrived_at": time::rfc3339(way.arrived_us),
            "passages": way.passages.iter().map(document::passage_json).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "faults": verdict.faults.iter().map(code).collect::<Vec<_>>(),
    })
}
