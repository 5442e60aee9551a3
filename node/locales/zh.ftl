# 命令行说的话。键名两种语言一致;JSON 的键、退出码、参数名不翻译。

## 命令
cmd-district-node = 考区节点: 填报、上送、签收
cmd-provincial-relay = 省级节点: 接收、上送、下达
cmd-ministry-hub = 部级节点: 受理、批复、指示
cmd-run = 启动本机节点(前台运行)
cmd-status = 一屏看本机: 链路、队列、待签、逐跳时延
cmd-check = 分级自检,逐项给出处理办法(别名 doctor)
cmd-trace = 一件报文的全过程: 谁、何时、人工与线路各用多久
cmd-queue = 在本机等待转发的报文
cmd-queue-ls = 按对端列出队列
cmd-queue-inspect = 一件报文在等什么
cmd-queue-retry = 立即重试
cmd-link = 与上下级的链路
cmd-link-ls = 列出链路
cmd-link-ping = 测一条链路的往返时间和时钟差
cmd-link-pause = 暂停一条链路(报文存于本机)
cmd-link-resume = 恢复一条链路
cmd-report = 报告: 首报、续报、终报
cmd-report-submit = 填报首报
cmd-report-ls = 列出本单位的报告
cmd-report-show = 查看一件报告
cmd-report-status = 一件报告到了哪一级、谁签收了
cmd-report-follow-up = 对同一事件续报
cmd-report-final = 终报: 事件处置完毕
cmd-request = 请示与批复
cmd-request-submit = 向上级请示(一文一事)
cmd-request-ls = 列出请示和批复
cmd-request-status = 一件请示到了哪一级、批复了没有
cmd-request-approve = 批复: 同意
cmd-request-deny = 批复: 不同意
cmd-inbox = 收到的报文
cmd-inbox-ls = 列出收到的报文
cmd-inbox-sign = 签收
cmd-directive = 指示
cmd-directive-issue = 签发指示
cmd-directive-ls = 列出指示
cmd-directive-show = 查看一件指示
cmd-directive-status = 各单位送达、签收、承办的进度
cmd-directive-cancel = 撤销一件指示(未到的也作废)
cmd-directive-sign = 签收一件指示
cmd-directive-undertake = 承办: 遵照执行
cmd-directive-done = 办结反馈
cmd-directive-cannot = 无法执行,须说明原因
cmd-msg = 任何种类的报文
cmd-msg-show = 查看一件报文
cmd-msg-cancel = 撤销本单位的一件报文
cmd-attachment = 附件
cmd-attachment-get = 取一件附件
cmd-config = 配置
cmd-config-check = 检查配置文件,不启动
cmd-completions = 生成命令补全脚本
cmd-help = 查看命令或专题的说明
cmd-version = 版本

## 说明的版式
help-template =
    {"{"}about-with-newline{"}"}
    用法: {"{"}usage{"}"}

    {"{"}all-args{"}"}{"{"}after-help{"}"}
heading-commands = 命令
heading-options = 选项
heading-global = 通用选项
value-command = 命令
value-options = [选项]

## 参数
arg-socket = 本机节点的套接字 [默认 { $default };环境变量 ZHUJI_SOCKET]
arg-config = 配置文件 [默认 { $default };环境变量 ZHUJI_CONFIG]
arg-lang = 语言 zh 或 en [环境变量 ZHUJI_LANG、LC_ALL、LANG;默认 zh]
arg-officer = 经办人姓名,以本单位名义行文时必填 [环境变量 ZHUJI_OFFICER]
arg-json = 输出一个 JSON 对象,供程序读取
arg-jsonl = 每行输出一个 JSON 对象
arg-quiet = 只输出编号
arg-no-input = 不提问;缺什么就报出来
arg-yes = 不再确认
arg-color = 颜色: auto、always 或 never [环境变量 NO_COLOR 关闭]
arg-help = 显示说明
arg-version = 显示版本
arg-document = 报文编号,或编号、标识的唯一开头
arg-watch = 持续刷新,Ctrl-C 结束
arg-peer = 对端的名称或单位代码
arg-held = 只看待人工处理的
arg-limit = 最多列出多少件
arg-retry-peer = 重试去往这一对端的全部报文
arg-retry-held = 重试全部待人工处理的报文
arg-dry-run = 只显示将会做什么
arg-count = 次数 [默认 5]
arg-pause-for = 暂停多久,如 10m、10分钟
arg-reason = 原因
arg-check-stage = 检查到哪一级: ping、local、links 或 full [默认 full]
arg-offline = 不连接节点,只查配置
arg-check-format = 输出格式: table、json 或 nagios [默认 table]
arg-check-wait = 未通过时反复检查,最多等多久,如 60s
arg-precedence = 时效: 特提、特急、加急、平急或平件 [默认 特急;续报、批复同原件]
arg-classification = 密级: 公开、内部、秘密或机密 [默认 内部]
arg-attach = 附件,可多次给出
arg-idempotency-key = 同一个键重复提交只算一件
arg-deliver-by = 最迟送达时间
arg-expires = 有效期,过期不再投递
arg-actual = 实际事件
arg-exercise = 演练
arg-category = 类别: 试卷安全、考场秩序、考试纪律、自然灾害、重大疫情、意外事故、信息安全、网络舆情或其他
arg-grade = 级别: I 红、II 橙、III 黄或 IV 蓝
arg-occurred = 发生时间,如 08:42、"昨天 08:42"(北京时间)
arg-place = 地点,如 武汉/第三考点/A-12
arg-message = 正文;- 表示从标准输入读取
arg-report-file = 从 TOML 文件读取(命令行参数优先)
arg-wait = 等到哪一步: queued 已入队、province 上一级已接收、ministry 部级送达、signed 部级签收 [默认 queued]
arg-timeout = 最多等多久;到时退出码为 5,报文不受影响
arg-since = 从何时起,如 1h、08:00
arg-incident = 只列这一事件的
arg-received = 列收到的(默认列本单位发出的)
arg-issued = 列本单位签发的(默认列收到的)
arg-request-for = 就哪件报告请示
arg-ask = 请示事项
arg-recommend = 处理意见
arg-needed-by = 何时之前需要批复
arg-to = 主送: 名称或单位代码,逗号分隔;420000/* 为一省各考区,provinces、districts、全部
arg-info = 抄送,写法同主送
arg-title = 标题
arg-directive-file = 从文件读取正文
arg-reply-by = 要求答复时限
arg-require = 要求做到: sign 签收、undertake 承办、complete 办结 [默认 sign]
arg-directive-wait = 等到主送单位全部 delivered 送达、signed 签收或 undertaken 承办 [只写 --wait 为 signed]
arg-unsigned-only = 只列未签收的单位
arg-note = 附言
arg-unsigned = 只列待签的
arg-kind = 只列一种: 首报、续报、终报、请示、指示等
arg-attachment = 附件的文件名(须加 --of),或其摘要(64 位十六进制)
arg-attachment-wait = 附件还在途中时,等它到齐
arg-attachment-timeout = 最多等多久;到时退出码为 5
arg-output = 写到哪个文件 [有 --of 时默认为附件原名]
arg-of = 属于哪件报文
arg-config-file = 要检查的文件 [默认为本机的配置]
arg-shell = bash、zsh、fish、elvish 或 powershell
arg-topic = 命令,或专题 exit-codes、environment、formats

## 用法有误
error = 错误: { $sentence }
refused = 拒绝(6): { $sentence }
usage-bad-value = 参数 { $flag } 的取值「{ $value }」无效
usage-no-value = 参数 { $flag } 缺少取值
usage-choices = 可选值: { $choices }
usage-meant = 是不是要写 { $meant }?
usage-more = 详情请运行 { $path } --help
usage-unknown-argument = 没有参数 { $argument }
usage-unknown-command = 没有命令「{ $command }」
usage-missing = 缺少: { $flags }
usage-conflict = { $one } 不能与 { $other } 同时使用
usage-no-equals = { $flag } 的取值要用等号连写,如 { $flag }=signed
usage-no-command = 还要写明做什么
usage-not-utf8 = 参数不是 UTF-8 文字
usage-wrong = 参数有误: { $argument }
grade-values = 可选值: I 红, II 橙, III 黄, IV 蓝
hint-span = 写法: 90s、5m、2h、5分钟
hint-moment = 写法: 08:42、"明天 08:42"、2026-09-19 08:42、+30m(北京时间)
hint-past = 这个时间已过;明天的时间请写 "明天 08:42"
hint-occurred = 写法: 08:42、"昨天 08:42"、2026-09-19 08:42(北京时间),不能晚于现在
hint-since = 写法: 1h、08:00、"昨天 08:00"
hint-report-file = 可写的项: status category grade precedence occurred place text attach
hint-digest = 写 文件名 加 --of 编号,或 64 位十六进制的摘要,见 msg show

## 做不成
fail-unreachable = 连不上本机节点({ $socket })
fail-unreachable-start = 启动: { $program } run
fail-unreachable-socket = 套接字在别处: 加 --socket 路径,或设置 ZHUJI_SOCKET
fail-socket-forbidden = 无权使用本机节点的套接字({ $socket })
fail-socket-forbidden-remedy = 请管理员把本人加入该文件所属的组
fail-lost = 与本机节点的连接中断: { $why }
fail-not-found = 没有找到: { $why }
fail-full = 本机暂不能接收: { $why }
fail-old-station = 本机节点的版本不支持这一操作,请先升级并重启节点
fail-station = 本机节点答复: { $why }
fail-officer = 这一操作以本单位名义作出,须写明经办人
fail-officer-remedy = 加 --officer 姓名,或设置 ZHUJI_OFFICER
fail-file = { $path }: { $why }
file-not-found = 没有这个文件
file-forbidden = 没有权限
file-exists = 已存在
file-not-text = 不是 UTF-8 文字
fail-no-neighbour = 「{ $peer }」不是本机的上级或下级
fail-no-neighbour-remedy = 查看: { $program } link ls

## 不受理的原因(词由节点给出,见 node/src/post/refusal.rs)
rule-missing-document = 没有正文
rule-wrong-document = 内容与报文种类不符
rule-draft-does-not-travel = 草稿只留在本机,不能提交
rule-missing-status = 没有写明是实际还是演练
rule-missing-status-remedy = 加 --actual 或 --exercise
rule-top-secret-does-not-travel = 绝密件不得在本网传输
rule-top-secret-does-not-travel-remedy = 请用机要渠道
rule-missing-officer = 没有写明经办人
rule-missing-officer-remedy = 加 --officer 姓名
rule-missing-fields = 缺少必填的内容: { $fields }
rule-missing-fields-remedy = 补上后重新提交;暂不掌握的可写"待核",以后续报
rule-field-too-long = 有一栏过长(姓名等最多 255 字节,附注最多 2 KiB,文件名最多 255 字节)
rule-field-too-long-remedy = 请缩短,其余写入正文或附件
rule-body-too-long = 正文超过 { $bytes }
rule-body-too-long-remedy = 请缩短正文,其余用 --attach 作附件
rule-too-many-attachments = 附件最多 { $most } 件
rule-too-many-attachments-remedy = 其余的另用续报报送
rule-request-in-report = 报告中不得夹带请示。请用两件报文:
rule-request-in-report-remedy =
    { $program } report submit …                        报告情况
    { $program } request submit --for 编号 --ask "…"    请示
rule-no-superior = 本单位没有上级,不报告、不请示
rule-no-superior-remedy = 向下行文: { $program } directive issue
rule-not-a-superior = 本单位没有下级,不能签发指示
rule-not-a-superior-remedy = 报告用 report submit,请示用 request submit
rule-missing-addressee = 没有写明主送单位
rule-missing-addressee-remedy = 加 --to 单位;可写名称、代码、420000/*、provinces、districts、全部
rule-unknown-addressee = 没有叫「{ $address }」的单位
rule-unknown-addressee-remedy = 请写名称或单位代码;可写 420000/*、provinces、districts、全部
rule-not-below = 「{ $address }」不是本单位的下级,不能向其行文
rule-not-below-remedy = 只能主送或抄送本单位以下的单位
rule-no-route = 从本机没有通往 { $unit } 的路径
rule-no-route-remedy = 请管理员核对 topology.toml
rule-missing-reference = 没有写明是哪一件
rule-missing-reference-remedy = 请写编号,或编号的开头
rule-record-lost = 「{ $text }」的记录在本机磁盘上已损坏,无法显示
rule-record-lost-remedy = 请向发文单位或收文单位索要;若 check 标为 unsent(尚未发出),别处没有,请重新报送
rule-not-found = 本机没有编号为「{ $text }」的报文
rule-not-found-remedy = 用 ls 查编号(report、request、directive、inbox);可只写唯一的开头
rule-ambiguous = 「{ $text }」不止一件: { $candidates }
rule-ambiguous-remedy = 请把编号写完整
rule-not-an-incident = { $number } 不属于任何事件
rule-not-an-incident-remedy = 请写首报的编号
rule-incident-closed = 该事件已由 { $by } 终结,不能再续报
rule-incident-closed-remedy = 有新情况请另报首报: { $program } report submit
rule-status-differs = { $number } 与本件一为实际、一为演练,不得混在一起
rule-status-differs-remedy = 请核对 --actual 或 --exercise
rule-not-yours = { $number } 是 { $unit } 的报文,只有原单位可以撤销或取代
rule-not-yours-remedy = 请与 { $unit } 联系
rule-not-live = { $number } 已由 { $by } 终结,不再有效
rule-not-live-remedy = 查看: { $program } msg show { $by }
rule-not-a-request = { $number } 不是请示,不能批复
rule-not-a-request-remedy = 查看待批的请示: { $program } request ls --received
rule-not-the-deciding-body = { $number } 不是向本单位请示的,本单位不能批复
rule-not-the-deciding-body-remedy = 由受文单位批复
rule-already-answered = { $number } 已由 { $by } 批复,不能再批
rule-already-answered-remedy = 查看: { $program } msg show { $by }
rule-not-an-act = 这一步由节点自动记录,不由人办理
rule-not-an-act-remedy = 人可以办理的: sign、undertake、done、cannot
rule-not-for-this-desk = { $number } 不是发给本单位的
rule-not-for-this-desk-remedy = 由受文单位办理
rule-already-done = { $number } 已由 { $officer } 办过,不必重办
rule-already-done-remedy = 查看: { $program } trace { $number }
rule-already-ended = { $officer } 已就 { $number } 答复办结或无法执行
rule-already-ended-remedy = 查看: { $program } trace { $number }
rule-nothing-to-carry-out = { $number } 只需签收,不需承办
rule-nothing-to-carry-out-remedy = 签收: { $program } directive sign { $number }
rule-expired = { $number } 已过有效期
rule-expired-remedy = 请与发文单位联系
rule-sign-first = 请先签收 { $number }
rule-sign-first-remedy = { $program } directive sign { $number }
rule-attachment-not-here = 附件「{ $name }」不在本机
rule-attachment-not-here-remedy = 用 --attach 随报文一起提交
rule-attachment-too-large = 附件超过上限 { $bytes }
rule-attachment-too-large-remedy = 请压缩或分开报送
rule-attachment-on-its-way = 这个附件还在途中,已到 { $bytes }
rule-attachment-on-its-way-remedy = 看进度: { $program } msg show 编号
rule-not-a-digest = 这不是附件摘要
rule-not-a-digest-remedy = 摘要为 64 位十六进制数,见 msg show
rule-attachment-failed = 附件没有存取成功: { $why }
rule-attachment-failed-remedy = 请检查磁盘后重试
rule-disk-nearly-full = 本机磁盘将满,余下的空间只收特提、特急
rule-disk-nearly-full-remedy = 请腾出空间;急件可用 --precedence 特急
rule-disk-full = 本机磁盘已满,未收下
rule-disk-full-remedy = 请腾出空间,腾出后本机自动恢复收报;其间请用电话报告
rule-queue-full = 等着去往 { $unit } 的报文已满,暂不能再收
rule-queue-full-remedy = 查看: { $program } link ls;线路接通后再提交,急件请打值班电话
rule-not-a-neighbour = 「{ $text }」不是本机的上级或下级
rule-not-a-neighbour-remedy = 查看: { $program } link ls
rule-link-down = 与 { $unit } 的链路断开: { $why }
rule-link-down-remedy = 报文存于本机,接通后自动续传。查看: { $program } link ls
rule-link-silent = { $unit } 没有应答
rule-link-silent-remedy = 稍后再试,或查看: { $program } link ls
rule-stopped = 本机节点正在停止;最后一件是否入队不能确定
rule-stopped-remedy = 节点重启后用同一个 --idempotency-key 再提交一次,不会重复

## 对端不收的原因
answer-disk-nearly-full = 对端磁盘将满,暂只收特提、特急
answer-disk-full = 对端磁盘已满,腾出空间前不收
answer-queue-full = 对端再往前的线路断了,队列已满
answer-overlapping-numbers = 对端不收: 编号与此前收到的重叠
answer-broken-chain = 对端不收: 与此前收到的接不上
answer-number-used = 对端不收: 这些编号此前已用于其他文件。本站的数据是从旧备份恢复的; 请重新报送, 将使用新编号
answer-too-many-gaps = 对端缺号过多,须先补齐
answer-not-your-subtree = 对端不收: 不属本单位可转送的范围
answer-body-missing = 对端还没有收到正文
answer-malformed = 对端不收: 格式有误
answer-unknown-format = 对端不收: 版本不识别,请升级对端
answer-seal-not-theirs = 对端不收: 签名不符
answer-altered-header = 对端不收: 报头被改动
answer-altered-body = 对端不收: 正文被改动
answer-no-answer = 对端没有应答

## 链路断开的原因(词见 node/src/link/trouble.rs)
line-bad-address = 上级地址写法有误,应为 主机:端口
line-unknown-host = 找不到上级主机,请查地址和 DNS
line-unreachable = 连不上,请查线路、防火墙和对端节点是否运行
line-timed-out = 没有回应,请查线路和防火墙
line-peer-refused = 本机不认对端的证书,请查地址、topology.toml 和 root.pem
line-refused-by-peer = 对端不认本机的证书,请查证书期限、两端时钟和 topology.toml
line-not-a-station = 对端不是节点,端口可能被别的程序占用
line-broken-off = 连接中断,对端可能在启动、停止或过忙
line-closed = 对端关闭了连接
line-silent = 对端没有应答
line-misbehaved = 对端不守约定,请查其版本和日志
line-version = 两端版本相差太远,请升级较旧的一端
line-paused = 对端值班员暂停了这条链路
line-stopping = 本机节点正在停止

## 提问
ask-status = 实际还是演练?
ask-officer = 经办人:
ask-category = 类别({ $choices }):
ask-occurred = 发生时间(如 08:42、昨天 08:42):
ask-place = 地点:
ask-text = 情况:
ask-again = 没有看懂,请重写
ask-ended = 输入已结束,报文没有提交
confirm-cancel = 将撤销 { $number }: 未送达的不再投递,已送达的作废。此操作不能收回。
confirm-type = 请输入 { $name } 以确认:
confirm-not = 与编号不符,没有撤销
confirm-needed = 须确认: 加 --yes

## 入队与等待
filed = 已入队   { $number }   本机已落盘({ $durable })。断网、断电也不会丢。
filed-before = 此前已入队   { $number }   同一个键,没有重复提交。
next = 下一步
next-follow-up = 续报
next-watch = 继续等
next-sign = 签收
next-call-list = 未签收的单位和电话
next-undertake = 承办
next-done = 办结
next-cannot = 无法执行(-m 说明原因)
next-approve = 批复同意(-m 批复内容)
next-deny = 批复不同意(-m 原因)
next-trace = 查看全过程
next-request-status = 查看批复
next-directive-status = 查看进度
attach-too-many = 附件最多 { $most } 件
attach-too-large = { $path } 超过附件上限 { $most }
attach-changed = { $path } 在读取中变化或读取失败,报文没有提交
wait-for-province = 等待上一级接收 …
wait-for-ministry = 等待部级送达 …
wait-for-signed = 等待部级签收 …
wait-arrived = ✔ { $what }(用时 { $span })
wait-met = ✔ 已达到所等的状态
wait-not-in-time = ▲ 到时未达到所等的状态;报文仍在继续上送
wait-never = ✕ 报文不会再送达;详情见 trace
wait-interrupted = 已停止等待;{ $number } 仍在继续上送
acted = ✔ { $number } { $officer } { $stage }({ $time },本机已落盘)

## 列表
list-empty = 没有符合的报文
list-comma = 、
list-summary = 列出 { $n } 件,本机待签 { $unsigned } 件
list-more = ;还有更早的,用 --limit 或 --since
list-sign = 。签收: { $program } { $verb } 编号
queue-not-waiting = 没有在本机等待
queue-would-retry = 将重试 { $n } 件
queue-retried = 已安排重试 { $n } 件
queue-receipts = (回执)
queue-and-more = { $first } 及另 { $n } 件
state-signed-here = 已签收
state-unsigned-here = 待签
state-gap = {" "}⚠ 前件未到
state-partly = 部分到达
state-queued = 已入队
standing-by = { $standing }({ $by })
body-absent = (正文未到)
attachment-here = 附件 { $name }  { $size }  已到 { $held }  { $digest }
attachment-coming = 附件 { $name }  { $size }  在途,已到 { $held }  { $digest }
attachment-written = 已写入 { $file }({ $size },摘要相符)
attachment-exists = { $file } 已存在,没有覆盖;用 -o 另写一个文件名
attachment-none = { $number } 没有叫「{ $which }」的附件
attachment-names = 它的附件: { $names }
attachment-not-in-time = ▲ 到时附件还没有到齐: { $held }/{ $size };仍在继续传送
attachment-fetch = 取附件: attachment get { $name } --of { $number }
attachment-altered = 收到的内容与摘要不符,没有写入

## 过程
title = { $title }({ $status })
event-occurred = 事发(申报)
event-filed = 已入队(落盘)
event-passed = 已接收(落盘)
event-by-officer = { $officer } { $stage }
event-note = {" "}「{ $note }」
leg-human = 人工 { $span }
leg-line = 线路 { $span }
leg-slow = {"  "}■ 超过 { $limit }
leg-clock = {"  "}时钟差 { $offset }
leg-attempts = {"  "}共尝试 { $n } 次
waiting-held = 待人工
waiting-in-flight = 在途
waiting-parked = 停放
waiting-ready = 待发
waiting-attempt = (第 { $n } 次尝试)
waiting-last = ,上次: { $why }
waiting-next = ,下次: { $when }
notice-waits = 等待转送 { $name }
next-link = 链路恢复时
due = 时限 { $when }

## 指示的进度
directive-addressed = 主送 { $action }  抄送 { $info }
directive-behind = 未签收  { $names }
directive-behind-one = { $name }({ $state })
directive-behind-more = {"  "}另有 { $n } 个单位,见 --unsigned
directive-all-signed = 主送单位已全部签收
directive-goes-on = 停止等待不会撤回指示;继续等待: { $program } directive status { $number } --wait
behind-delivered = 已送达 { $span }
behind-undelivered = 未送达 { $span }
behind-cut = 未送达 { $span },链路断开
behind-passed = 已到 { $name } { $span }
tier-ministry = 部级
tier-province = 省级
tier-district = 考区
tier-unknown = 单位

## 本机与链路
status-up = 运行 { $span }
status-store = 存储 { $used }(余 { $free },落盘 P50 { $p50 } P99 { $p99 })
status-certificate = 证书余 { $span }
status-certificate-expired = ■ 证书已过期
status-unsigned = 待签 { $n } 件
status-refusing = ■ 磁盘将满(余 { $free }): 只收特提、特急,请腾出空间
status-hops = 逐跳时延(存储转发,含落盘)
status-more-hops = 以上为最慢的;另有 { $n } 段,见 --json
status-calm = 另有 { $n } 条链路在线、无积压(link ls 全部列出)
status-totals = 自启动: 填报 { $filed }  接收 { $taken }  转出 { $passed }  送达 { $delivered }  重复 { $duplicates }  拒收 { $refused }  缺号 { $gaps }
status-links = { $all } 条链路,{ $up } 在线
status-lost = ;{ $n } 处丢失未补回: { $program } check
status-held = ;{ $n } 件待人工处理: { $program } queue ls --held
link-up = 在线
link-down = 断开 { $span }
link-never = 未连通
link-paused = 暂停
link-failure = { $peer }: { $why };下次尝试 { $next }
link-failure-below = { $peer }: { $why };等对端重连
link-paused-until = 已暂停 { $name } 至 { $until };报文存于本机。恢复: { $program } link resume { $name }
link-resumed = 已恢复 { $name }
ping-answer = 来自 { $name }({ $identity }): seq={ $seq } { $rtt }  时钟 { $offset }
direction-up = 上
direction-down = 下

## 表头
head-grade = 级别
head-precedence = 时效
head-number = 编号
head-kind = 种类
head-matter = 事项
head-from = 来自
head-state = 现状
head-time = 时间
head-due = 时限
head-total = 累计
head-leg = 本段
head-direction = 方向
head-peer = 对端
head-link = 链路
head-rtt = RTT
head-clock = 时钟差
head-ready = 待发
head-in-flight = 在途
head-parked = 停放
head-held = 待人工
head-bytes = 字节
head-oldest = 最老
head-contact = 最近联络
head-hop = 段
head-count = 件数
head-p50 = P50
head-p95 = P95
head-p99 = P99
head-max = 最大
head-for = 收件
head-via = 经由
head-unit = 单位
head-waiting = 在本机
head-phone = 电话

## 报文各栏
field-classification = 密级
field-from = 来自
field-created = 成文
field-arrived = 收到
field-action-to = 主送
field-info-to = 抄送
field-deliver-by = 最迟送达
field-reply-by = 答复时限
field-expires = 有效期
field-occurred = 发生
field-place = 地点
field-officer = 经办
field-needed-by = 需批复
field-recommendation = 处理意见
field-require = 要求
field-state = 现状
field-missing = 缺第几报
field-related = 同一事件
address-all = 全部下级
address-provinces = 各省
address-districts = 各考区
address-below = { $name }各下级
part-occurred = 发生时间
part-place = 地点
part-category = 类别
part-text = 正文
part-reporter = 报告人
part-ask = 请示事项
part-title = 标题
part-reason = 原因
part-note = 原因说明
part-time = 时长

## 自检
check-do = 处理: { $what }
check-summary = 状态: { $failures } 项失败,{ $warnings } 项警告
group-config = 配置
group-identity = 身份
group-store = 存储
group-clock = 时钟
group-links = 链路
group-queue = 队列
certificate-transport = 链路证书
certificate-signing = 签名证书
config-valid = √ { $file } 有效
config-invalid = { $file } 有误
check-station-running = { $a } 节点在运行,版本 { $b }
check-config-valid = { $a } 有效
check-config-invalid = { $a } 有误
check-config-invalid-hint = 按下面所指的行列改正,再运行 config check
check-identity-broken = { $a } 中的证书用不上
check-identity-broken-hint = 把 zhuji-certs 发下的本单位证书包整套重新放入;仍可填报
check-cert-valid = { $a }有效,还有 { $b } 天
check-cert-expiring = { $a } { $b } 天后到期
check-cert-expiring-hint = 请管理员用 zhuji-certs 换发;到期后链路断开,仍可填报
check-cert-expired = { $a }已过期 { $b } 天
check-cert-expired-hint = 请管理员用 zhuji-certs 换发;链路已断开,仍可填报,报文存于本机
check-store-writable = 可写,落盘 { $a },剩余 { $b }
check-store-refusing = 磁盘将满(余 { $a }): 只收特提、特急
check-store-refusing-hint = 腾出磁盘空间;其余报文腾出后再提交
check-records-lost = 有 { $a } 处报文在本机磁盘或途中丢失且未能补回: { $b }
check-records-lost-hint = 请检查磁盘;标为 unsent 的尚未发出,别处没有,请重新报送;其余向所列单位索要
check-disk-low = 磁盘只剩 { $a }
check-disk-low-hint = 腾出空间;再少就只收特提、特急
check-commit-slow = 落盘慢: 百次中最慢的一次 { $a }
check-commit-slow-hint = 查磁盘健康,看有没有别的程序占用
check-clock-ok = 与 { $a } 偏差 { $b }
check-clock-off = 与 { $a } 偏差 { $b },过大
check-clock-off-hint = 检查本机的时间同步;报文照收,时间不便比对
check-clock-unknown = 尚未与别的节点对时
check-clock-unknown-hint = 链路接通后自动对时
check-link-up = 与 { $a } 在线,往返 { $b }
check-links-up = { $a } 条链路在线
check-link-down = 与 { $a } 断开 { $b }: { $c }
check-link-down-hint = 仍可填报,报文存于本机,接通后自动上送;急件请同时打值班电话
check-link-paused = 与 { $a } 的链路被暂停
check-link-paused-hint = 恢复: link resume
check-queue-moving = 没有积压
check-queue-held = { $a } 件待人工处理
check-queue-held-hint = 查看 queue ls --held,处理后 queue retry --held
check-queue-old = 去往 { $a } 的最老一件已等 { $b }
check-queue-old-hint = 查看 link ls 与 queue ls

## 时间
time-just-now = 刚刚
time-ago = { $span }前
time-ahead = 还有 { $span }
span-seconds = { $n } 秒
span-minutes = { $n } 分
span-hours = { $h } 时 { $m } 分
span-days = { $d } 天 { $h } 时

## 名词
unknown = (未知)
precedence-te-ti = 特提
precedence-te-ji = 特急
precedence-jia-ji = 加急
precedence-ping-ji = 平急
precedence-routine = 平件
status-actual = 实际
status-exercise = 演练
status-system = 系统
status-test = 测试
status-draft = 草稿
classification-public = 公开
classification-internal = 内部
classification-confidential = 秘密
classification-secret = 机密
classification-top-secret = 绝密
kind-initial-report = 首报
kind-follow-up-report = 续报
kind-follow-up-number = 续报{ $n }
kind-final-report = 终报
kind-request-for-instructions = 请示
kind-approval = 批复(同意)
kind-denial = 批复(不同意)
kind-directive = 指示
kind-cancel = 撤销
kind-receipt = 回执
role-action = 主送
role-info = 抄送
category-paper-security = 试卷安全
category-room-order = 考场秩序
category-discipline = 考试纪律
category-natural-disaster = 自然灾害
category-epidemic = 重大疫情
category-accident = 意外事故
category-info-security = 信息安全
category-public-opinion = 网络舆情
category-other = 其他
grade-I = Ⅰ红
grade-II = Ⅱ橙
grade-III = Ⅲ黄
grade-IV = Ⅳ蓝
stage-custody = 链路接收
stage-delivered = 送达
stage-signed = 签收
stage-read = 阅知
stage-undertaken = 承办
stage-completed = 办结
stage-cannot-comply = 无法执行
stage-delayed = 延误
stage-not-delivered = 未送达
stage-expired = 过期
standing-active = 有效
standing-superseded = 已被取代
standing-cancelled = 已撤销
standing-expired = 已过期
standing-closed = 已终结
standing-answered = 已批复
severity-ok = 正常
severity-warning = 警告
severity-failure = 失败

## 专题
help-exit-codes =
    退出码
      0    完成
      1    失败
      2    用法有误
      3    连不上本机节点
      4    无权,或没有写明经办人
      5    已受理,但到时未达到所等的状态(可放心再等)
      6    规则不允许
      130  Ctrl-C
    check --format nagios 按监控插件的约定: 0 正常、1 警告、2 严重、3 未知
help-environment =
    环境变量(命令行参数优先)
      ZHUJI_SOCKET   本机节点的套接字
      ZHUJI_CONFIG   配置文件
      ZHUJI_OFFICER  经办人姓名
      ZHUJI_LANG     语言 zh 或 en;没有时看 LC_ALL、LANG,再没有用中文
      NO_COLOR       非空时不用颜色
    密钥和口令不放在环境变量里。
help-formats =
    时间    08:42、"昨天 08:42"、09-19 08:42、2026-09-19 08:42、2026-09-19T08:42:00+08:00、+30m;一律为北京时间
    时长    90s、5m、2h、1h30m、5分钟
    编号    可缩短到唯一的开头
    主送    名称或单位代码,逗号分隔;420000/* 为一省各考区,provinces、districts、全部
    级别    I 红、II 橙、III 黄、IV 蓝
    时效    特提、特急、加急、平急、平件(te-ti、te-ji、jia-ji、ping-ji、routine)
    JSON    --json 一个对象,--jsonl 每行一个;每个对象有 schema 一栏,只增不改;时间为 RFC 3339,带时区
    report submit --file 的文件:
      status = "exercise"
      category = "试卷安全"
      grade = "I"
      precedence = "特急"
      occurred = "08:42"
      place = "武汉/第三考点/A-12"
      text = "启封第一场试卷时发现一袋封装损毁"
      attach = {"["}"照片.jpg"{"]"}
