//! What the demo calls things, in Chinese and English, and where its words go.

use std::io::{IsTerminal, Write};

use node::io::Timestamp;
use proto::v1::{Category, Grade, Kind, Precedence, Stage};

/// The reader's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    /// 中文
    Zh,
    /// English
    En,
}

impl Lang {
    /// One of two texts.
    pub(crate) fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// Whether names are wanted in English.
    pub(crate) fn english(self) -> bool {
        self == Self::En
    }
}

/// A text in both languages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) zh: &'static str,
    pub(crate) en: &'static str,
}

impl Words {
    /// The text for this reader.
    pub(crate) fn say(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Zh => self.zh,
            Lang::En => self.en,
        }
    }
}

/// Shorthand for a text in both languages.
pub(crate) const fn words(zh: &'static str, en: &'static str) -> Words {
    Words { zh, en }
}

/// Where words go and how many are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    pub(crate) lang: Lang,
    /// Data goes to stdout, so words go to stderr.
    pub(crate) aside: bool,
    /// Tell every step as it happens.
    pub(crate) narrate: bool,
}

impl Voice {
    /// A line everyone should see. A reader who has gone away is no reason to stop the demo.
    pub(crate) fn say(self, line: &str) {
        if self.aside {
            writeln!(std::io::stderr(), "{line}").ok();
        } else {
            writeln!(std::io::stdout(), "{line}").ok();
        }
    }

    /// A line for someone who watches.
    pub(crate) fn tell(self, line: &str) {
        if self.narrate {
            self.say(line);
        }
    }

    /// Whether bars may be drawn.
    pub(crate) fn bars(self) -> bool {
        self.narrate && std::io::stderr().is_terminal()
    }
}

/// The time of day in Beijing, to the second.
pub(crate) fn clock(at: Timestamp) -> String {
    const BEIJING_SECONDS: i64 = 8 * 3600;
    let second = (at.us().div_euclid(1_000_000) + BEIJING_SECONDS).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// A duration people can read.
pub(crate) fn span(us: i64) -> String {
    match us.max(0) {
        us @ 0..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        us @ 1_000_000..60_000_000 => format!("{:.1} s", us as f64 / 1e6),
        us => format!("{}:{:02} min", us / 60_000_000, us / 1_000_000 % 60),
    }
}

/// 首报, 续报, …
pub(crate) fn kind(kind: Kind) -> Words {
    match kind {
        Kind::Unspecified => words("未知", "unknown"),
        Kind::InitialReport => words("首报", "initial report"),
        Kind::FollowUpReport => words("续报", "follow-up"),
        Kind::FinalReport => words("终报", "final report"),
        Kind::RequestForInstructions => words("请示", "request"),
        Kind::Approval => words("批复(同意)", "approval"),
        Kind::Denial => words("批复(不同意)", "denial"),
        Kind::Directive => words("指示", "directive"),
        Kind::Endorsement => words("审核意见", "endorsement"),
        Kind::LateralNotice => words("横向通报", "notice"),
        Kind::Assessment => words("评估", "assessment"),
        Kind::PolicyRelease => words("预案版本", "policy"),
        Kind::Decision => words("决定", "decision"),
        Kind::NilReport => words("平安报", "nil report"),
        Kind::Preparation => words("考前准备", "preparation"),
        Kind::Bypass => words("越级报告", "bypass"),
        Kind::Linkage => words("同一事件", "linkage"),
        Kind::Bulletin => words("汇总快报", "bulletin"),
        Kind::HandOver => words("移交牵头", "hand-over"),
        Kind::Roster => words("值班表", "roster"),
        Kind::EarlyWarning => words("预警信息", "early warning"),
        Kind::Proposal => words("拟稿", "proposal"),
        Kind::Vote => words("表决", "vote"),
        Kind::LogEntry => words("值班日志", "log entry"),
        Kind::Cancel => words("撤销", "cancel"),
        Kind::Receipt => words("回执", "receipt"),
    }
}

/// The rung a document has reached.
pub(crate) fn stage(stage: Stage) -> Words {
    match stage {
        Stage::Unspecified => words("已入队", "queued"),
        Stage::Custody => words("已接收", "in custody"),
        Stage::Delivered => words("已送达", "delivered"),
        Stage::Signed => words("签收", "signed"),
        Stage::Read => words("阅知", "read"),
        Stage::Undertaken => words("承办", "undertaken"),
        Stage::Completed => words("办结", "completed"),
        Stage::CannotComply => words("无法执行", "cannot comply"),
        Stage::Delayed => words("延误", "delayed"),
        Stage::NotDelivered => words("未送达", "not delivered"),
        Stage::Expired => words("过期", "expired"),
    }
}

/// The eight categories of the plan.
pub(crate) fn category(category: Category) -> Words {
    match category {
        Category::Unspecified => words("未分类", "uncategorised"),
        Category::PaperSecurity => words("试卷安全", "paper security"),
        Category::RoomOrder => words("考场秩序", "room order"),
        Category::Discipline => words("考试纪律", "discipline"),
        Category::NaturalDisaster => words("自然灾害", "natural disaster"),
        Category::Epidemic => words("重大疫情", "epidemic"),
        Category::Accident => words("意外事故", "accident"),
        Category::InfoSecurity => words("信息安全", "information security"),
        Category::PublicOpinion => words("网络舆情", "public opinion"),
        Category::Other => words("其他", "other"),
    }
}

/// Speed of service.
pub(crate) fn precedence(precedence: Precedence) -> Words {
    match precedence {
        Precedence::Routine => words("平件", "DEFERRED"),
        Precedence::PingJi => words("平急", "ROUTINE"),
        Precedence::JiaJi => words("加急", "PRIORITY"),
        Precedence::TeJi => words("特急", "IMMEDIATE"),
        Precedence::TeTi => words("特提", "FLASH"),
    }
}

/// The grade with its colour.
pub(crate) fn grade(grade: Grade) -> Words {
    match grade {
        Grade::Unspecified => words("未定级", "ungraded"),
        Grade::I => words("Ⅰ红", "I red"),
        Grade::Ii => words("Ⅱ橙", "II orange"),
        Grade::Iii => words("Ⅲ黄", "III yellow"),
        Grade::Iv => words("Ⅳ蓝", "IV blue"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_show_beijing_time() {
        assert_eq!(clock(Timestamp::from_us(0)), "08:00:00");
        assert_eq!(clock(Timestamp::from_us(57_599_000_000)), "23:59:59");
        assert_eq!(clock(Timestamp::from_us(-1)), "07:59:59");
    }

    #[test]
    fn spans_choose_their_unit() {
        assert_eq!(span(3_100), "3.1 ms");
        assert_eq!(span(28_400_000), "28.4 s");
        assert_eq!(span(125_000_000), "2:05 min");
        assert_eq!(span(-5), "0.0 ms");
    }
}
