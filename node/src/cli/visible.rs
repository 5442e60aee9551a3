//! Text others wrote, made safe to show: what would move the cursor, ring, hide or reorder is shown as a mark.
//! Only what a terminal would act upon is changed; JSON carries the text as it is.

/// One line: breaks become spaces.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if c == '\n' || c == '\r' || c == '\t' { ' ' } else { c }).flat_map(marked).collect()
}

/// Several lines, each on its own.
pub fn lines(text: &str) -> Vec<String> {
    text.lines().map(|one| one.chars().map(|c| if c == '\t' { ' ' } else { c }).flat_map(marked).collect()).collect()
}

fn marked(c: char) -> Vec<char> {
    match c {
        // The control pictures of Unicode: ESC becomes ␛.
        '\0'..='\x1f' => vec![char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')],
        '\x7f' => vec!['\u{2421}'],
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e01ef}' => format!("⟦{:04X}⟧", u32::from(c)).chars().collect(),
        _ => vec![c],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_would_obey_gets_through() {
        assert_eq!(line("\x1b[2J损毁\x07"), "␛[2J损毁␇");
        assert_eq!(line("a\u{202e}txt.exe"), "a⟦202E⟧txt.exe");
        assert_eq!(line("第一行\r\n第二行"), "第一行  第二行");
        assert_eq!(lines("一\n\x1b]0;x\x07二"), ["一", "␛]0;x␇二"]);
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        let text = "启封时发现一袋封装损毁,涉及30人 — “A-12” √ é";
        assert_eq!(line(text), text);
    }
}
