//! Why a line is down, or why a neighbour said no: the stable word of it told in the reader's language.

use super::{visible, words::Words};

/// One sentence; what nobody knows the word of, as it was said.
pub(crate) fn told(said: &str, words: &Words) -> String {
    parted(said, words).map_or_else(|| visible::line(said), |(sentence, _)| sentence)
}

/// The sentence, and behind it what the machine saw.
pub(crate) fn told_whole(said: &str, words: &Words) -> String {
    match parted(said, words) {
        Some((sentence, "")) => sentence,
        Some((sentence, details)) => format!("{sentence} [{}]", visible::line(details)),
        None => visible::line(said),
    }
}

/// What the machine saw, for a specialist: without the word and the advice, if it begins with a word we know.
pub(crate) fn details(said: &str, words: &Words) -> String {
    visible::line(parted(said, words).map_or(said, |(_, details)| details))
}

/// The sentence, and the details without the advice that follows them: that is what the sentence gives.
fn parted<'s>(said: &'s str, words: &Words) -> Option<(String, &'s str)> {
    let (word, details) = said.split_once(':').unwrap_or((said, ""));
    let key = ["line-", "answer-"].map(|kind| format!("{kind}{word}")).into_iter().find(|key| words.has(key))?;
    let details = details.split("; ").next().unwrap_or_default().trim();
    Some((words.text(&key), details))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::words::Lang;

    #[test]
    fn a_known_word_is_told_and_the_details_are_kept_for_those_who_look() {
        let said = "unreachable: 10.0.0.1:7443 cannot be reached: refused (os error 111); check the line";
        let zh = Words::new(Lang::Zh);
        assert_eq!(told(said, &zh), "连不上,请查线路、防火墙和对端节点是否运行");
        let whole = told_whole(said, &zh);
        assert!(whole.ends_with("是否运行 [10.0.0.1:7443 cannot be reached: refused (os error 111)]"), "{whole}");
        assert!(told("not-your-subtree: x", &Words::new(Lang::En)).starts_with("refused by the neighbour"));
        assert_eq!(told("moon: full\x1b", &zh), "moon: full␛");
    }
}
