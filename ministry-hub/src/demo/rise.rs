//! Starting a country: in waves, parents first, until every station answers its own people and every line is up.

use std::{fs, path::Path, time::Duration};

use futures_util::future::join_all;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::{
    country::{Country, Post},
    trouble::Trouble,
    words::Voice,
};

/// Stations started together: more would only wait for each other.
const WAVE: usize = 16;
/// How long a country may take, and each of its stations adds to that.
const READY_WITHIN: Duration = Duration::from_secs(60);
const READY_EACH: Duration = Duration::from_secs(1);
/// Between two looks at a station that is not ready.
const LOOK: Duration = Duration::from_millis(100);
/// Lines of a log that are shown.
const TAIL_LINES: usize = 12;
/// Stations named that are not ready.
const NAMED_MAX: usize = 10;

/// Starts every station and waits until all are ready.
pub(crate) async fn rise(country: &Country, voice: Voice) -> Result<(), Trouble> {
    let posts = country.top_down();
    let within = READY_WITHIN + READY_EACH * u32::try_from(posts.len()).unwrap_or(u32::MAX);
    let deadline = Instant::now() + within;
    let started = bar(posts.len(), voice.lang.pick("启动站点", "starting stations"), voice);
    for wave in posts.chunks(WAVE) {
        for post in wave {
            post.start().await?;
        }
        until(wave, deadline, within, &started, |ready| ready.0, voice).await?;
    }
    started.finish_and_clear();
    let linked = bar(posts.len(), voice.lang.pick("接通线路", "connecting lines"), voice);
    for wave in posts.chunks(WAVE) {
        until(wave, deadline, within, &linked, |ready| ready.1, voice).await?;
    }
    linked.finish_and_clear();
    Ok(())
}

async fn until(
    wave: &[&Post],
    deadline: Instant,
    within: Duration,
    bar: &ProgressBar,
    enough: fn((bool, bool)) -> bool,
    voice: Voice,
) -> Result<(), Trouble> {
    let mut waiting: Vec<&Post> = wave.to_vec();
    loop {
        let ready = join_all(waiting.iter().map(|post| post.ready())).await;
        let before = waiting.len();
        let mut answers = ready.into_iter();
        waiting.retain(|_| !answers.next().is_some_and(enough));
        bar.inc(u64::try_from(before - waiting.len()).unwrap_or(0));
        if waiting.is_empty() {
            return Ok(());
        }
        for post in &waiting {
            if let Some(status) = post.down().await {
                return Err(died(post, status, voice));
            }
        }
        if Instant::now() > deadline {
            return Err(slow(&waiting, within, voice));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn died(post: &Post, status: String, voice: Voice) -> Trouble {
    Trouble::Died {
        name: name(post, voice),
        unit: post.place.unit.to_string(),
        status,
        tail: tail(&post.log),
        log: post.log.clone(),
    }
}

fn slow(waiting: &[&Post], within: Duration, voice: Voice) -> Trouble {
    let names = waiting.iter().take(NAMED_MAX).map(|post| name(post, voice)).collect();
    let logs = waiting.first().and_then(|post| post.log.parent()).unwrap_or(Path::new(".")).to_owned();
    Trouble::Slow { names, seconds: within.as_secs(), logs }
}

fn name(post: &Post, voice: Voice) -> String {
    let place = &post.place;
    let english = voice.lang.english() && !place.name_en.is_empty();
    if english { place.name_en.clone() } else { place.name.clone() }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// A bar on a terminal, and nothing anywhere else.
pub(crate) fn bar(length: usize, what: &str, voice: Voice) -> ProgressBar {
    if !voice.bars() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or(0)).with_message(what.to_owned());
    match ProgressStyle::with_template("  {msg} {bar:30} {pos}/{len}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_a_log_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("x.log");
        fs::write(&log, (1..=40).map(|n| format!("line {n}\n")).collect::<String>()).unwrap();
        let tail = tail(&log);
        assert!(tail.starts_with("line 29") && tail.ends_with("line 40"), "{tail}");
        assert_eq!(super::tail(&dir.path().join("none.log")), "");
    }
}
