//! Which words are commands, also when they are spelled in odd ways.

/// How sure it is that a word in command position is meant as a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// A word that is nothing else: `whoami`, `uname`.
    Sure,
    /// The name of a program people also talk about: `curl`, `python`.
    Tool,
    /// An English word too: `cat`, `find`, `id`.
    English,
    /// A command scripts begin with; behind a separator it does no harm by itself.
    Start,
    /// Spelled with quotes, backslashes or wildcards: `c''at`, `/b?n/c?t`.
    Hidden,
}

/// The longest spelling of a command, with its folder.
const SPELLED_BYTES_MAX: usize = 64;

/// The command a text begins with, and what follows it.
pub(super) fn command(text: &[u8]) -> Option<(Command, &[u8])> {
    let text = skip_prefixes(text);
    let length = text.iter().take_while(|b| !ends_word(**b)).count();
    let (spelled, rest) = text.split_at_checked(length)?;
    // A quote at the end closes what the whole stands in.
    let spelled = spelled.strip_suffix(b"'").or_else(|| spelled.strip_suffix(b"\"")).unwrap_or(spelled);
    if spelled.is_empty() || spelled.len() > SPELLED_BYTES_MAX {
        return None;
    }
    if let Some(found) = known(basename(spelled)) {
        return Some((found, rest));
    }
    hidden(spelled).then_some((Command::Hidden, rest))
}

/// White space, brackets, `sudo`, assignments: what may stand before a command.
fn skip_prefixes(text: &[u8]) -> &[u8] {
    let mut text = text;
    for _ in 0..4 {
        text = text.trim_ascii_start();
        text = match text {
            [b'{' | b'(' | b'!' | b'@', rest @ ..] => rest,
            [b's', b'u', b'd', b'o', b' ', rest @ ..] => rest,
            _ => return text,
        };
    }
    text
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b';' | b'|' | b'&' | b'<' | b'>' | b'(' | b')' | b'`' | b'#' | b',')
}

/// The name behind the last slash of `/bin/cat`; folders that are none are no commands.
fn basename(spelled: &[u8]) -> &[u8] {
    let Some(at) = memchr::memrchr(b'/', spelled) else { return spelled.strip_suffix(b".exe").unwrap_or(spelled) };
    let (folder, name) = spelled.split_at(at + 1);
    match folder {
        b"/bin/" | b"/usr/bin/" | b"/sbin/" | b"/usr/sbin/" | b"/usr/local/bin/" | b"./" => name,
        _ => b"",
    }
}

/// Whether a word becomes a command once quotes and backslashes are gone, or by a wildcard.
fn hidden(spelled: &[u8]) -> bool {
    let odd = spelled.iter().any(|b| matches!(b, b'\'' | b'"' | b'\\' | b'?' | b'*' | b'$' | b'^'));
    if !odd {
        return false;
    }
    let mut plain = Vec::with_capacity(spelled.len());
    let mut rest = spelled;
    while let Some((&first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'\'' | b'"' | b'\\' | b'^', _) => after,
            (b'$', [b'@' | b'*' | b'1'..=b'9', more @ ..]) => more,
            _ => {
                plain.push(first);
                after
            }
        };
    }
    if plain.len() < spelled.len() && plain.len() >= 2 && !matches!(spelled.first(), Some(b'\'' | b'"')) {
        return matches!(known(basename(&plain)), Some(Command::Sure | Command::Tool | Command::English));
    }
    let wild = plain.iter().filter(|b| matches!(b, b'?' | b'*')).count();
    let comment = plain.starts_with(b"/*") || plain.ends_with(b"*/");
    let deep = plain.iter().filter(|b| **b == b'/').count() >= 2;
    !comment && wild >= 1 && deep && plain.strip_prefix(b"/").is_some_and(may_hold_commands)
}

/// Whether a path that may have wildcards begins with a folder of commands: `/uploads/a.png?v=2` is an address.
fn may_hold_commands(path: &[u8]) -> bool {
    let folder = path.split(|b| *b == b'/').next().unwrap_or_default();
    let fits = |name: &&[u8]| name.len() == folder.len() && name.iter().zip(folder).all(|(own, b)| own == b || *b == b'?');
    let folders = [&b"bin"[..], b"sbin", b"usr", b"opt", b"etc", b"dev", b"proc", b"home", b"root", b"tmp", b"var", b"lib"];
    folder.contains(&b'*') || folder.contains(&b'[') || folders.iter().any(fits)
}

fn known(name: &[u8]) -> Option<Command> {
    let found = match name {
        b"whoami" | b"uname" | b"ifconfig" | b"ipconfig" | b"netstat" | b"ls" | b"rm" | b"chmod" | b"chown" | b"nslookup"
        | b"getent" | b"printenv" | b"lsof" | b"mkfifo" | b"xxd" | b"systeminfo" | b"tasklist" | b"certutil" | b"bitsadmin"
        | b"wmic" | b"mshta" | b"rundll32" | b"regsvr32" | b"powershell" | b"pwsh" | b"ncat" | b"socat" | b"telnet" | b"tftp"
        | b"scp" | b"crontab" | b"useradd" | b"adduser" | b"hostnamectl" | b"iptables" | b"lsb_release" | b"pwd" | b"ps"
        | b"rmdir" | b"mkdir" | b"dpkg" | b"systemctl" | b"busybox" | b"base64" | b"rev" | b"tac" | b"msfvenom"
        | b"burpcollaborator" => Command::Sure,
        b"bash" | b"sh" | b"zsh" | b"ksh" | b"dash" | b"csh" | b"fish" | b"cmd" | b"curl" | b"wget" | b"nc" | b"netcat"
        | b"python" | b"python2" | b"python3" | b"perl" | b"ruby" | b"php" | b"node" | b"lua" | b"awk" | b"gawk" | b"sed"
        | b"grep" | b"egrep" | b"fgrep" | b"xargs" | b"ssh" | b"ftp" | b"tar" | b"zip" | b"unzip" | b"gzip" | b"openssl"
        | b"gcc" | b"nmap" | b"dd" | b"tcpdump" | b"strings" | b"od" | b"nl" | b"wc" | b"df" | b"du" | b"cp" | b"mv" | b"ln"
        | b"tee" | b"killall" | b"reboot" | b"printf" | b"rsync" | b"java" | b"traceroute" | b"ping" | b"dig" | b"hostname"
        | b"uptime" | b"env" | b"timeout" => Command::Tool,
        b"cat" | b"id" | b"find" | b"echo" | b"date" | b"who" | b"more" | b"less" | b"head" | b"tail" | b"touch" | b"kill"
        | b"sleep" | b"host" | b"eval" | b"exec" | b"source" | b"set" | b"type" | b"dir" | b"copy" | b"net" | b"sort"
        | b"uniq" | b"cut" | b"mail" | b"last" | b"locate" | b"mount" | b"shutdown" | b"passwd" | b"su" | b"at" | b"man"
        | b"vi" | b"nano" => Command::English,
        b"cd" | b"make" | b"npm" | b"yarn" | b"git" | b"docker" | b"pip" | b"pip3" | b"cargo" | b"apt" | b"apt-get" | b"brew"
        | b"export" | b"kubectl" | b"go" | b"poetry" | b"uv" | b"sudo" | b"test" | b"alias" | b"flask" | b"pytest"
        | b"ffmpeg" => Command::Start,
        _ => return known_lower(name),
    };
    Some(found)
}

/// Windows does not mind the case.
fn known_lower(name: &[u8]) -> Option<Command> {
    [&b"powershell"[..], b"cmd", b"whoami", b"ipconfig", b"certutil", b"systeminfo", b"tasklist"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
        .then_some(Command::Sure)
}
