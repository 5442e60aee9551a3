//! What all documents have in common on their way to the station: attachments, deadlines, the answer.

use std::path::Path;

use clap::{ArgGroup, ArgMatches, Command};
use proto::v1::{
    AttachRequest, Attachment, Classification, Document, FileRequest, Filed, Header, Kind, Precedence, Status,
    document::Content,
};
use serde_json::json;
use tokio::{fs::File, io::AsyncReadExt};

use super::{
    args,
    call::Call,
    document,
    exit::{Exit, Failure},
    table::{self, Columns},
    time, visible,
    words::Words,
};
use crate::{desk::client::Station, limits};

const CHUNK_BYTES: usize = 256 * 1024;

/// The flags of everything that is filed.
pub(super) fn flags(command: Command, words: &Words) -> Command {
    command
        .arg(args::choice::<Precedence>(words, "precedence", "arg-precedence"))
        .arg(args::choice::<Classification>(words, "classification", "arg-classification"))
        .arg(args::option(words, "attach", "arg-attach").value_name("FILE").action(clap::ArgAction::Append))
        .arg(args::option(words, "release-files", "arg-release-files").value_name("NAME"))
        .arg(args::option(words, "need-to-know", "arg-need-to-know").value_name("NAME").action(clap::ArgAction::Append))
        .arg(args::option(words, "idempotency-key", "arg-idempotency-key").value_name("KEY"))
        .arg(args::option(words, "deliver-by", "arg-deliver-by").value_name("TIME"))
        .arg(args::option(words, "expires", "arg-expires").value_name("TIME"))
}

/// `--actual|--exercise`: never a default, because an exercise taken for real moves real people.
pub(super) fn status_flags(command: Command, words: &Words) -> Command {
    command
        .arg(args::flag(words, "actual", "arg-actual"))
        .arg(args::flag(words, "exercise", "arg-exercise"))
        .group(ArgGroup::new("reality").args(["actual", "exercise"]))
}

/// Which of the two was said.
pub(super) fn status(given: &ArgMatches) -> Option<Status> {
    if given.get_flag("actual") { Some(Status::Actual) } else { given.get_flag("exercise").then_some(Status::Exercise) }
}

/// A document ready to be filed, but for its attachments.
pub(super) fn request(
    call: &Call,
    given: &ArgMatches,
    kind: Kind,
    status: Status,
    content: Content,
) -> Result<FileRequest, Failure> {
    let now = call.now();
    Ok(FileRequest {
        document: Some(Document { content: Some(content) }),
        kind: kind.into(),
        status: status.into(),
        precedence: args::chosen(given, "precedence").unwrap_or(Precedence::TeJi).into(),
        classification: args::chosen(given, "classification").unwrap_or(Classification::Internal).into(),
        officer: call.officer()?,
        deliver_by_us: args::deadline(&call.words, given, "deliver-by", now)?,
        expires_at_us: args::deadline(&call.words, given, "expires", now)?,
        idempotency_key: args::text(given, "idempotency-key").unwrap_or_default().to_owned(),
        need_to_know: args::texts(given, "need-to-know"),
        attachments_released_by: args::text(given, "release-files").unwrap_or_default().to_owned(),
        ..Default::default()
    })
}

/// What continues a document is as real, as secret and as urgent as that, unless something else was said.
pub(super) fn like(request: FileRequest, header: &Header, given: &ArgMatches) -> FileRequest {
    FileRequest {
        status: header.status,
        precedence: args::chosen::<Precedence>(given, "precedence").map_or(header.precedence, Into::into),
        classification: args::chosen::<Classification>(given, "classification")
            .map_or(header.classification, Into::into),
        ..request
    }
}

/// Files a document with its attachments; it is on disk when this returns.
pub(super) async fn file(
    call: &Call,
    station: &mut Station,
    mut request: FileRequest,
    attach: &[String],
) -> Result<Filed, Failure> {
    if attach.len() > limits::ATTACHMENTS_MAX {
        let most = [("most", limits::ATTACHMENTS_MAX.into())];
        return Err(Failure::new(Exit::Refused, call.words.say("attach-too-many", &most)));
    }
    for path in attach {
        request.attachments.push(upload(call, station, path).await?);
    }
    call.answer(station.file(request).await)
}

/// Says what was filed, and what may be done next.
pub(super) fn told(call: &Call, filed: &Filed, next: &[(&str, &str)]) {
    let number = visible::line(&filed.number);
    if call.json {
        return call.object(&filed_json(filed));
    }
    if call.quiet {
        return call.data(&number);
    }
    call.data(&filed_text(filed, &call.words));
    next_steps(call, &number, next);
}

/// `已入队 R-420100-0919-0007 本机已落盘(4 ms)。断网、断电也不会丢。`
pub(super) fn filed_text(filed: &Filed, words: &Words) -> String {
    let durable = time::measured(std::time::Duration::from_micros(filed.durable_us.into()));
    let args = [("number", visible::line(&filed.number).into()), ("durable", durable.into())];
    words.say(if filed.repeated { "filed-before" } else { "filed" }, &args)
}

/// What may be done next: commands, each with a word on what it is for.
pub(super) fn next_steps(call: &Call, number: &str, next: &[(&str, &str)]) {
    if !next.is_empty() {
        call.word(next_text(call.program(), number, next, &call.words).trim_end());
    }
}

fn next_text(program: &str, number: &str, next: &[(&str, &str)], words: &Words) -> String {
    let mut table = Columns::bare();
    for (index, (command, what)) in next.iter().enumerate() {
        let head = if index == 0 { words.text("next") } else { String::new() };
        table.row([head, format!("{program} {command} {number}"), words.text(what)]);
    }
    table.render()
}

/// For machines.
pub(super) fn filed_json(filed: &Filed) -> serde_json::Value {
    json!({
        "schema": "zhuji.filed/1",
        "id": document::id(&filed.id),
        "number": filed.number,
        "filed_at": time::rfc3339(filed.filed_at_us),
        "durable_us": filed.durable_us,
        "recipients": filed.recipients,
        "repeated": filed.repeated,
    })
}

async fn upload(call: &Call, station: &mut Station, path: &str) -> Result<Attachment, Failure> {
    let unread = |error: std::io::Error| Failure::file(path, &error, &call.words);
    let file = File::open(path).await.map_err(unread)?;
    let length = file.metadata().await.map_err(unread)?.len();
    let name = Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned());
    if length > limits::ATTACHMENT_BYTES_MAX {
        let args = [("path", path.into()), ("most", table::bytes(limits::ATTACHMENT_BYTES_MAX).into())];
        return Err(Failure::new(Exit::Refused, call.words.say("attach-too-large", &args)));
    }
    let bar = call.bytes_bar(&name, length);
    let head = AttachRequest { media_type: media_type(&name).to_owned(), name, ..Default::default() };
    let chunks = futures_util::stream::unfold((Some(head), file, bar.clone()), |(head, mut file, bar)| async move {
        if let Some(head) = head {
            return Some((head, (None, file, bar)));
        }
        let mut chunk = vec![0; CHUNK_BYTES];
        // A read that fails ends the stream short; the length below then tells.
        let read = file.read(&mut chunk).await.unwrap_or(0);
        chunk.truncate(read);
        bar.inc(u64::try_from(read).unwrap_or(0));
        (read > 0).then(|| (AttachRequest { bytes: chunk.into(), ..Default::default() }, (None, file, bar)))
    });
    let attachment = call.answer(station.attach(chunks).await);
    bar.finish_and_clear();
    let attachment = attachment?;
    if attachment.length != length {
        return Err(Failure::new(Exit::Failed, call.words.say("attach-changed", &[("path", path.into())])));
    }
    Ok(attachment)
}

/// Enough for a browser to show it; whatever else there is, is bytes.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("pdf") => "application/pdf",
        Some("txt") => "text/plain; charset=utf-8",
        Some("mp4") => "video/mp4",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::words::Lang;

    #[test]
    fn what_may_be_done_next_is_a_command_and_a_word_on_it() {
        let next = [("report follow-up", "next-follow-up"), ("trace", "next-trace")];
        let expected = " 下一步  district-node report follow-up R-1  续报\n         district-node trace R-1             查看全过程\n";
        assert_eq!(next_text("district-node", "R-1", &next, &Words::new(Lang::Zh)), expected);
    }

    #[test]
    fn the_answer_promises_what_the_disk_has_done() {
        let filed = Filed { number: "R-420100-0919-0007".into(), durable_us: 4_000, ..Default::default() };
        assert_eq!(
            filed_text(&filed, &Words::new(Lang::Zh)),
            "已入队   R-420100-0919-0007   本机已落盘(4.0 ms)。断网、断电也不会丢。"
        );
        let again = Filed { repeated: true, ..filed };
        assert!(filed_text(&again, &Words::new(Lang::En)).contains("already filed"));
    }
}
