//! Documents as people write them.

use proto::v1::{self, Kind, Precedence, Status, document::Content};

/// A 首报.
pub fn report(text: &str, precedence: Precedence) -> v1::FileRequest {
    let report = v1::Report {
        occurred_at_us: 1_410_000_000_000_000,
        place: "第三考点 A-12".into(),
        category: v1::Category::PaperSecurity.into(),
        text: text.into(),
        reporter: "张三".into(),
        grade: v1::Grade::Ii.into(),
        ..Default::default()
    };
    file(Content::Report(report), Kind::InitialReport, precedence)
}

/// A 续报 or 终报 of an incident.
pub fn follow_up(incident: &str, text: &str, kind: Kind, precedence: Precedence) -> v1::FileRequest {
    v1::FileRequest { incident: incident.into(), kind: kind.into(), ..report(text, precedence) }
}

/// A 请示.
pub fn request(ask: &str) -> v1::FileRequest {
    let request = v1::Request { ask: ask.into(), officer: "张三".into(), ..Default::default() };
    file(Content::Request(request), Kind::RequestForInstructions, Precedence::TeJi)
}

/// A 批复.
pub fn approval(of: &str) -> v1::FileRequest {
    let reply = v1::Reply { text: "同意".into(), officer: "赵一".into(), ..Default::default() };
    v1::FileRequest { refers_to: of.into(), ..file(Content::Reply(reply), Kind::Approval, Precedence::TeJi) }
}

/// A 指示.
pub fn directive(to: &[&str], precedence: Precedence) -> v1::FileRequest {
    let directive = v1::Directive {
        title: "启用备用试卷".into(),
        text: "立即启用备用试卷,延长十五分钟。".into(),
        officer: "赵一".into(),
        require: v1::Stage::Undertaken.into(),
        ..Default::default()
    };
    v1::FileRequest {
        action_to: to.iter().map(|unit| (*unit).to_owned()).collect(),
        ..file(Content::Directive(directive), Kind::Directive, precedence)
    }
}

/// A 撤销.
pub fn cancel(target: &str) -> v1::FileRequest {
    let cancel = v1::Cancel { reason: "误发".into(), officer: "赵一".into(), ..Default::default() };
    v1::FileRequest { refers_to: target.into(), ..file(Content::Cancel(cancel), Kind::Cancel, Precedence::TeJi) }
}

/// An officer's act.
pub fn act(document: &str, stage: v1::Stage, note: &str) -> v1::ActRequest {
    v1::ActRequest { document: document.into(), stage: stage.into(), officer: "王五".into(), note: note.into() }
}

fn file(content: Content, kind: Kind, precedence: Precedence) -> v1::FileRequest {
    v1::FileRequest {
        document: Some(v1::Document { content: Some(content) }),
        kind: kind.into(),
        status: Status::Exercise.into(),
        precedence: precedence.into(),
        officer: "张三".into(),
        ..Default::default()
    }
}

/// What an officer types to file a 首报.
pub const SUBMIT: [&str; 12] = [
    "report",
    "submit",
    "--exercise",
    "--officer",
    "张三",
    "--category",
    "试卷安全",
    "--occurred",
    "2014-09-19T08:42:00+08:00",
    "--place",
    "第三考点",
    "--message=启封时发现一袋封装损毁",
];
