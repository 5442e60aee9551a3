//! Questions to the person at the terminal. Asked only where one is there; everything can be said by flags instead.

use std::io::{self, BufRead, Read, Write};

use super::{
    call::Call,
    exit::{Exit, Failure},
};

/// Asks until the answer will do.
pub(super) fn until<T>(call: &Call, question: &str, fits: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
    loop {
        let text = line(call, question)?;
        match fits(text.trim()) {
            Some(answer) => return Ok(answer),
            None => call.word(&call.words.text("ask-again")),
        }
    }
}

/// For what cannot be undone: the object's name has to be typed.
pub(super) fn confirm(call: &Call, sentence: &str, name: &str) -> Result<(), Failure> {
    if call.yes {
        return Ok(());
    }
    if !call.ask {
        return Err(Failure::new(Exit::Usage, call.words.text("confirm-needed")));
    }
    call.word(sentence);
    let typed = line(call, &call.words.say("confirm-type", &[("name", name.into())]))?;
    if typed.trim() == name { Ok(()) } else { Err(Failure::new(Exit::Failed, call.words.text("confirm-not"))) }
}

/// A text given as a flag; `-` is all of stdin.
pub(super) fn text(call: &Call, given: &str) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut all = String::new();
    // One byte more than is allowed tells that it is too long without reading a whole disk.
    let most = u64::try_from(crate::limits::BODY_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    io::stdin().take(most).read_to_string(&mut all).map_err(|error| Failure::file("-", &error, &call.words))?;
    Ok(all.trim_end().to_owned())
}

/// The text of a file.
pub(super) fn file(call: &Call, path: &str) -> Result<String, Failure> {
    if path == "-" {
        return text(call, path);
    }
    std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error, &call.words))
}

fn line(call: &Call, question: &str) -> Result<String, Failure> {
    drop(write!(io::stderr(), "{question} "));
    drop(io::stderr().flush());
    let mut text = String::new();
    match io::stdin().lock().read_line(&mut text) {
        Ok(0) => Err(Failure::new(Exit::Usage, call.words.text("ask-ended"))),
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::file("-", &error, &call.words)),
    }
}
