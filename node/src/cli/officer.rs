//! `officer`: who may work at this desk. Whoever may open the station's socket enters the first of them; after that the
//! security administrator does it in the browser.

use std::io::Read as _;

use clap::{ArgAction, ArgMatches, Command};
use proto::v1::{Officer, OfficersRequest, Post};
use serde_json::json;

use super::{
    args, ask,
    call::Call,
    exit::{Exit, Failure, Outcome},
    table::Columns,
    terms::Listed,
    time, visible,
    words::Words,
};
use crate::io::{Io, Machine};

/// Letters that are not taken for each other when they are read out.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// `officer add|set|close|open|ls`
pub(super) fn command(words: &Words) -> Command {
    let named = |name, about: &str| {
        args::verb(words, name, about).arg(args::positional(words, "name", "NAME", "arg-officer-name"))
    };
    let posts = || args::choice::<Post>(words, "post", "arg-officer-post").action(ArgAction::Append);
    let password = || args::option(words, "password-file", "arg-password-file").value_name("FILE");
    args::noun(words, "officer", "cmd-officer")
        .subcommand(named("add", "cmd-officer-add").arg(posts().required(true)).arg(password()))
        .subcommand(
            named("set", "cmd-officer-set")
                .arg(posts())
                .arg(password())
                .arg(args::flag(words, "new-password", "arg-new-password").conflicts_with("password-file")),
        )
        .subcommand(named("close", "cmd-officer-close"))
        .subcommand(named("open", "cmd-officer-open"))
        .subcommand(args::list(words, "cmd-officer-ls"))
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let Some((verb, given)) = given.subcommand() else { return Ok(Exit::Usage) };
    if verb == "ls" {
        return list(call);
    }
    let posts = || given.get_many::<String>("post").into_iter().flatten().filter_map(|post| Post::parse(post));
    let mut made = None;
    let password = match verb {
        "add" | "set" => match args::text(given, "password-file") {
            Some(path) => read(call, path)?,
            None if verb == "add" || given.get_flag("new-password") => made.insert(new_password()).clone(),
            None => String::new(),
        },
        _ => String::new(),
    };
    let request = OfficersRequest {
        name: args::required(given, "name").trim().to_owned(),
        posts: if matches!(verb, "add" | "set") { posts().map(Into::into).collect() } else { Vec::new() },
        password,
        closed: verb == "close",
        opened: verb == "open",
        by: call.reader(),
    };
    let name = visible::line(&request.name);
    call.online(async |station| {
        let all = call.answer(station.manage_officers(request).await)?.officers;
        let one = all.into_iter().find(|one| visible::line(&one.name) == name).unwrap_or_default();
        if call.json {
            let mut object = officer_json(&one);
            object["password"] = json!(made);
            call.object(&object);
        } else {
            call.data(&render(std::slice::from_ref(&one), &call.words));
            if let Some(password) = &made {
                call.data(&call.words.say("officer-password", &[("password", password.as_str().into())]));
            }
        }
        Ok(Exit::Done)
    })
}

/// The first line of a file, or of what is piped in.
fn read(call: &Call, path: &str) -> Result<String, Failure> {
    let text = match path {
        "-" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::file(path, &error, &call.words))?;
            text
        }
        path => ask::file(call, path)?,
    };
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// One that nobody thought of: eighty bits, in groups that can be read over the phone.
fn new_password() -> String {
    let mut bytes = [0; 16];
    Machine.random(&mut bytes);
    let letters: Vec<_> = bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

fn list(call: &Call) -> Outcome {
    call.online(async |station| {
        let all = call.answer(station.manage_officers(OfficersRequest::default()).await)?.officers;
        if call.json {
            let officers: Vec<_> = all.iter().map(officer_json).collect();
            call.object(&json!({ "schema": "zhuji.officers/1", "officers": officers }));
        } else {
            call.data(&render(&all, &call.words));
        }
        Ok(Exit::Done)
    })
}

fn render(all: &[Officer], words: &Words) -> String {
    let heads = ["head-officer", "head-posts", "head-state", "head-last-login"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for one in all {
        let posts = one.posts().map(|post| post.word(words)).collect::<Vec<_>>().join(&words.text("list-comma"));
        let state = words.text(if one.closed { "officer-closed" } else { "officer-open" });
        table.row([visible::line(&one.name), posts, state, time::clock(one.last_login_us)]);
    }
    table.render()
}

fn officer_json(one: &Officer) -> serde_json::Value {
    json!({
        "name": one.name,
        "posts": one.posts().map(Listed::code).collect::<Vec<_>>(),
        "closed": one.closed,
        "since": time::rfc3339(one.since_us),
        "last_login": time::rfc3339(one.last_login_us),
        "refused": one.refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::words::Lang;

    #[test]
    fn a_made_password_is_long_and_is_another_each_time() {
        let (one, other) = (new_password(), new_password());
        assert_eq!(one.len(), 19);
        assert_ne!(one, other);
    }

    #[test]
    fn the_list_says_who_may_do_what() {
        let officer = Officer {
            name: "张三\x1b[2J".into(),
            posts: vec![Post::DutyOfficer.into(), Post::DutyLeader.into()],
            closed: true,
            ..Default::default()
        };
        let text = render(&[officer], &Words::new(Lang::Zh));
        assert!(text.contains("值班员、带班领导") && text.contains("已停用") && !text.contains('\x1b'), "{text}");
    }
}
