//! `attachment get`: a file by its digest. What is written is what the digest names, or nothing is.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use clap::{ArgMatches, Command, value_parser};
use proto::v1::FetchRequest;
use serde_json::json;

use super::{
    args,
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    table,
    words::Words,
};
use crate::desk::client::Station;

/// `attachment get DIGEST -o FILE`
pub(super) fn command(words: &Words) -> Command {
    args::noun(words, "attachment", "cmd-attachment").subcommand(
        args::verb(words, "get", "cmd-attachment-get")
            .arg(args::positional(words, "digest", "DIGEST", "arg-digest"))
            .arg(
                args::option(words, "output", "arg-output")
                    .short('o')
                    .value_name("FILE")
                    .required(true)
                    .value_parser(value_parser!(PathBuf)),
            )
            .arg(args::option(words, "of", "arg-of").value_name("ID")),
    )
}

/// Fetches one file.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let Some((_, given)) = given.subcommand() else { return Ok(Exit::Usage) };
    let typed = args::required(given, "digest");
    let digest = parse(typed).ok_or_else(|| args::bad(&call.words, "DIGEST", typed, "hint-digest"))?;
    let request = FetchRequest {
        digest: digest.clone().into(),
        document: args::text(given, "of").unwrap_or_default().to_owned(),
    };
    let Some(path) = given.get_one::<PathBuf>("output") else { return Ok(Exit::Usage) };
    let partial =
        Partial::create(path).map_err(|error| Failure::file(&path.display().to_string(), &error, &call.words))?;
    let length = call.online(async |station| fetch(call, station, request, &partial, &digest).await)?;
    partial.keep(path).map_err(|error| Failure::file(&path.display().to_string(), &error, &call.words))?;
    let shown = path.display().to_string();
    if call.json {
        let digest = document::hex(&digest);
        call.object(&json!({ "schema": "zhuji.attachment/1", "digest": digest, "length": length, "file": shown }));
    } else {
        let args = [("file", shown.into()), ("size", table::bytes(length).into())];
        call.word(&call.words.say("attachment-written", &args));
    }
    Ok(Exit::Done)
}

async fn fetch(
    call: &Call,
    station: &mut Station,
    request: FetchRequest,
    partial: &Partial,
    digest: &[u8],
) -> Result<u64, Failure> {
    let mut chunks = call.answer(station.fetch(request).await)?;
    let mut hash = Context::new(&SHA256);
    let mut length = 0_u64;
    let mut bar = None;
    while let Some(chunk) = chunks.message().await.map_err(|status| Failure::of(&status, &call.words))? {
        let bar = bar.get_or_insert_with(|| call.bytes_bar(&document::hex(&digest[..4]), chunk.length));
        (&partial.file).write_all(&chunk.bytes).map_err(|error| Failure::file("-", &error, &call.words))?;
        hash.update(&chunk.bytes);
        length += u64::try_from(chunk.bytes.len()).unwrap_or(0);
        bar.set_position(length);
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if hash.finish().as_ref() == digest {
        Ok(length)
    } else {
        Err(Failure::new(Exit::Failed, call.words.text("attachment-altered")))
    }
}

/// A file that has its name only once it is whole; until then it is removed with its owner.
struct Partial {
    path: PathBuf,
    file: std::fs::File,
}

impl Partial {
    fn create(target: &Path) -> io::Result<Self> {
        if target.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut path = target.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let file = std::fs::File::create(&path)?;
        Ok(Self { path, file })
    }

    fn keep(self, target: &Path) -> io::Result<()> {
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
