//! `attachment get`: a file by its digest, or by its name in a document. What is written is what the digest names, or
//! nothing is.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use clap::{ArgMatches, Command, value_parser};
use proto::v1::{AttachmentView, DocumentView, FetchRequest};
use serde_json::json;

use super::{
    args,
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    table, visible,
    words::Words,
};
use crate::desk::client::Station;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// `attachment get NAME|DIGEST [--of ID] [-o FILE] [--wait]`
pub(super) fn command(words: &Words) -> Command {
    args::noun(words, "attachment", "cmd-attachment").subcommand(
        args::verb(words, "get", "cmd-attachment-get")
            .arg(args::positional(words, "which", "NAME|DIGEST", "arg-attachment"))
            .arg(args::option(words, "of", "arg-of").value_name("ID"))
            .arg(
                args::option(words, "output", "arg-output")
                    .short('o')
                    .value_name("FILE")
                    .required_unless_present("of")
                    .value_parser(value_parser!(PathBuf)),
            )
            .arg(args::flag(words, "wait", "arg-attachment-wait").requires("of"))
            .arg(args::option(words, "timeout", "arg-attachment-timeout").value_name("SPAN").requires("wait")),
    )
}

/// Fetches one file.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let Some((_, given)) = given.subcommand() else { return Ok(Exit::Usage) };
    let which = args::required(given, "which");
    let of = args::text(given, "of");
    let by_digest = parse(which);
    if by_digest.is_none() && of.is_none() {
        return Err(args::bad(&call.words, "NAME|DIGEST", which, "hint-digest"));
    }
    let patience = args::span(&call.words, given, "timeout")?;
    let output = given.get_one::<PathBuf>("output");
    call.online(async |station| {
        let (digest, name) = match (of, by_digest) {
            (Some(of), digest) => {
                let view = call.document(station, of).await?;
                let file = find(call, &view, which, digest.as_deref())?;
                if given.get_flag("wait") && !arrived(&file) && !awaited(call, station, of, &file, patience).await? {
                    return Ok(Exit::NotInTime);
                }
                let attachment = file.attachment.unwrap_or_default();
                (attachment.digest.to_vec(), attachment.name)
            }
            (None, digest) => (digest.unwrap_or_default(), String::new()),
        };
        let path = output.cloned().unwrap_or_else(|| own_name(&name, &digest));
        let shown = path.display().to_string();
        let partial = Partial::create(&path).map_err(|error| unwritten(call, &shown, &error))?;
        let request = FetchRequest {
            digest: digest.clone().into(),
            document: of.unwrap_or_default().to_owned(),
            officer: call.reader(),
        };
        let shown_as = if name.is_empty() { document::hex(&digest[..4]) } else { name };
        let length = fetch(call, station, request, &partial, &shown_as).await?;
        partial.keep(&path).map_err(|error| unwritten(call, &shown, &error))?;
        if call.json {
            let digest = document::hex(&digest);
            call.object(&json!({ "schema": "zhuji.attachment/1", "digest": digest, "length": length, "file": shown }));
        } else {
            let args = [("file", shown.as_str().into()), ("size", table::bytes(length).into())];
            call.word(&call.words.say("attachment-written", &args));
        }
        Ok(Exit::Done)
    })
}

/// The one file of a document that is meant: by its name, or its digest.
fn find(call: &Call, view: &DocumentView, which: &str, digest: Option<&[u8]>) -> Result<AttachmentView, Failure> {
    let meant = |file: &&AttachmentView| {
        file.attachment.as_ref().is_some_and(|one| Some(&one.digest[..]) == digest || one.name == which)
    };
    view.attachments.iter().find(meant).cloned().ok_or_else(|| {
        let names = view.attachments.iter().filter_map(|file| file.attachment.as_ref());
        let names: Vec<_> = names.map(|one| visible::line(&one.name)).collect();
        let args = [("number", document::number(view).into()), ("which", visible::line(which).into())];
        let failure = Failure::new(Exit::Failed, call.words.say("attachment-none", &args));
        let all = [("names", names.join(&call.words.text("list-comma")).into())];
        if names.is_empty() { failure } else { failure.remedy(call.words.say("attachment-names", &all)) }
    })
}

/// Where to write it, if nothing was said: here, under the name its sender gave it, whatever folders that names.
fn own_name(name: &str, digest: &[u8]) -> PathBuf {
    let name: String = visible::line(name).chars().map(|c| if c == '/' { '_' } else { c }).collect();
    match name.as_str() {
        "" | "." | ".." => document::hex(digest).into(),
        _ => name.into(),
    }
}

fn arrived(file: &AttachmentView) -> bool {
    file.attachment.as_ref().is_some_and(|attachment| file.held >= attachment.length)
}

/// Looks until all of it is on this station's disk; false if that took too long.
async fn awaited(
    call: &Call,
    station: &mut Station,
    of: &str,
    file: &AttachmentView,
    patience: Option<Duration>,
) -> Result<bool, Failure> {
    let wanted = file.attachment.clone().unwrap_or_default();
    let bar = call.bytes_bar(&wanted.name, wanted.length);
    let deadline = patience.map(|patience| tokio::time::Instant::now() + patience);
    loop {
        let view = call.document(station, of).await?;
        let now = find(call, &view, &wanted.name, Some(&wanted.digest))?;
        bar.set_position(now.held);
        if arrived(&now) {
            bar.finish_and_clear();
            return Ok(true);
        }
        if deadline.is_some_and(|deadline| tokio::time::Instant::now() >= deadline) {
            bar.finish_and_clear();
            let args = [("held", table::bytes(now.held).into()), ("size", table::bytes(wanted.length).into())];
            call.word(&call.words.say("attachment-not-in-time", &args));
            return Ok(false);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn fetch(
    call: &Call,
    station: &mut Station,
    request: FetchRequest,
    partial: &Partial,
    name: &str,
) -> Result<u64, Failure> {
    let digest = request.digest.clone();
    let mut chunks = call.answer(station.fetch(request).await)?;
    let mut hash = Context::new(&SHA256);
    let mut length = 0_u64;
    let mut bar = None;
    while let Some(chunk) = chunks.message().await.map_err(|status| call.failure(&status))? {
        let bar = bar.get_or_insert_with(|| call.bytes_bar(name, chunk.length));
        partial.file().write_all(&chunk.bytes).map_err(|error| Failure::file("-", &error, &call.words))?;
        hash.update(&chunk.bytes);
        length += u64::try_from(chunk.bytes.len()).unwrap_or(0);
        bar.set_position(length);
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if hash.finish().as_ref() == &digest[..] {
        Ok(length)
    } else {
        Err(Failure::new(Exit::Failed, call.words.text("attachment-altered")))
    }
}

/// Why a file was not written.
pub(super) fn unwritten(call: &Call, shown: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Failed, call.words.say("attachment-exists", &[("file", shown.into())]))
        }
        _ => Failure::file(shown, error, &call.words),
    }
}

/// A file that has its name only once it is whole; until then it is removed with its owner.
pub(super) struct Partial {
    path: PathBuf,
    file: std::fs::File,
}

impl Partial {
    pub(super) fn create(target: &Path) -> io::Result<Self> {
        if target.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut path = target.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let file = std::fs::File::create(&path)?;
        Ok(Self { path, file })
    }

    /// Where it is written to.
    pub(super) fn file(&self) -> &std::fs::File {
        &self.file
    }

    pub(super) fn keep(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, target)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Already renamed, or not worth a word of its own after what went wrong.
        drop(std::fs::remove_file(&self.path));
    }
}

fn parse(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_64_hex_digits() {
        assert_eq!(parse(&"0a".repeat(32)), Some(vec![10; 32]));
        assert_eq!(parse("0a"), None);
        assert_eq!(parse(&"zz".repeat(32)), None);
        assert_eq!(parse(&"é".repeat(32)), None);
    }

    #[test]
    fn a_name_somebody_sent_never_leaves_this_folder() {
        assert_eq!(own_name("照片.jpg", &[1]), PathBuf::from("照片.jpg"));
        assert_eq!(own_name("../../etc/passwd", &[1]), PathBuf::from(".._.._etc_passwd"));
        assert_eq!(own_name("..", &[0xab]), PathBuf::from("ab"));
    }

    #[test]
    fn half_a_file_never_has_the_name_of_a_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.jpg");
        drop(Partial::create(&target).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        Partial::create(&target).unwrap().keep(&target).unwrap();
        assert!(target.exists());
        assert!(Partial::create(&target).is_err());
    }
}
