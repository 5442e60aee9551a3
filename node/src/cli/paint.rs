//! Colour for a few marks and nothing else. A mark never says by colour alone what it says.

const MARKS: &[(char, u8)] =
    &[('●', 32), ('√', 32), ('✔', 32), ('◐', 33), ('‼', 33), ('▲', 33), ('⚠', 33), ('×', 31), ('✕', 31), ('■', 31)];

/// The text with its marks in colour.
pub(super) fn marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        match MARKS.iter().find(|(mark, _)| *mark == c) {
            Some((_, colour)) => out.push_str(&format!("\x1b[{colour}m{c}\x1b[0m")),
            None => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_marks_are_coloured() {
        assert_eq!(super::marks("× 湖北"), "\x1b[31m×\x1b[0m 湖北");
    }
}
