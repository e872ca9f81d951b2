//! The words of SQL that shape a statement, by the part they play.

/// The part a word plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// `AND`, `OR`, `XOR`.
    Bool,
    /// `LIKE`, `IN`, `IS`, `BETWEEN`, `REGEXP`: compares.
    Compare,
    /// `BETWEEN`, whose `AND` is its own.
    Between,
    /// `DIV`, `MOD`, `COLLATE`, `ESCAPE`: joins two operands.
    Operator,
    /// `NOT`.
    Not,
    /// `BINARY`, `EXISTS`, `DISTINCT`, `ALL`: stands before an operand.
    Prefix,
    /// `NULL`, `TRUE`, `FALSE`.
    Constant,
    /// `UNION`, `EXCEPT`, `INTERSECT`.
    Set,
    /// `SELECT`.
    Select,
    /// `FROM`, `JOIN`.
    From,
    /// `WHERE`, `HAVING`, `LIMIT`: begins a clause that needs an operand.
    Clause,
    /// `ORDER`, `GROUP`.
    Order,
    /// `INTO`.
    Into,
    /// `BY`.
    By,
    /// `ASC`, `DESC`, `NULLS`.
    Direction,
    /// `CASE`.
    Case,
    /// `WHEN`, `THEN`, `ELSE`.
    Branch,
    /// `END`.
    End,
    /// `AS`.
    As,
    /// A word that begins a statement other than SELECT.
    Statement,
    /// A function that waits, reads files, runs commands or makes errors that speak.
    Danger,
    /// A function that takes data apart, or says what the database is.
    Probe,
    /// A table or column that only somebody who looks around asks for.
    System,
    /// A name attackers ask for and people seldom do in a statement.
    Secret,
    /// Anything else.
    Name,
}

impl Word {
    /// Whether the word can stand after an operand: then `1or` is two tokens.
    pub(super) fn follows_operand(self) -> bool {
        use Word::{Between, Bool, Branch, Clause, Compare, End, From, Into, Operator, Order, Set};
        matches!(self, Bool | Compare | Between | Operator | Set | From | Clause | Order | Into | Branch | End)
    }
}

/// The longest word that plays a part.
const WORD_BYTES_MAX: usize = 32;

/// The part a word plays, in any case.
pub(super) fn word(spelled: &[u8]) -> Word {
    let mut lower = [0; WORD_BYTES_MAX];
    let Some(place) = lower.get_mut(..spelled.len()) else { return Word::Name };
    place.copy_from_slice(spelled);
    place.make_ascii_lowercase();
    part(place)
}

fn part(lower: &[u8]) -> Word {
    match lower {
        b"and" | b"or" | b"xor" => Word::Bool,
        b"like" | b"rlike" | b"ilike" | b"regexp" | b"glob" | b"match" | b"in" | b"is" | b"similar" | b"sounds" => Word::Compare,
        b"between" => Word::Between,
        b"div" | b"mod" | b"collate" | b"escape" | b"on" | b"using" | b"returning" => Word::Operator,
        b"not" => Word::Not,
        b"binary" | b"exists" | b"distinct" | b"distinctrow" | b"all" | b"any" | b"some" | b"top" | b"sql_no_cache" => {
            Word::Prefix
        }
        b"null" | b"true" | b"false" => Word::Constant,
        b"union" | b"except" | b"intersect" | b"minus" => Word::Set,
        b"select" => Word::Select,
        b"from" | b"join" | b"inner" | b"cross" | b"natural" => Word::From,
        b"where" | b"having" | b"limit" | b"offset" | b"procedure" => Word::Clause,
        b"order" | b"group" => Word::Order,
        b"into" => Word::Into,
        b"by" => Word::By,
        b"asc" | b"desc" | b"nulls" => Word::Direction,
        b"case" => Word::Case,
        b"when" | b"then" | b"else" => Word::Branch,
        b"end" => Word::End,
        b"as" => Word::As,
        _ => rarer(lower),
    }
}

fn rarer(lower: &[u8]) -> Word {
    match lower {
        b"drop" | b"insert" | b"update" | b"delete" | b"create" | b"alter" | b"truncate" | b"exec" | b"execute" | b"declare"
        | b"waitfor" | b"shutdown" | b"with" | b"pragma" | b"attach" | b"copy" | b"grant" | b"revoke" | b"set" | b"call"
        | b"do" | b"load" | b"begin" | b"rename" | b"replace" | b"merge" | b"backup" | b"handler" | b"vacuum" | b"dbcc"
        | b"reconfigure" => Word::Statement,
        b"sleep"
        | b"benchmark"
        | b"pg_sleep"
        | b"load_file"
        | b"extractvalue"
        | b"updatexml"
        | b"xp_cmdshell"
        | b"xp_dirtree"
        | b"load_extension"
        | b"randomblob"
        | b"zeroblob"
        | b"receive_message"
        | b"utl_http"
        | b"utl_inaddr"
        | b"pg_read_file"
        | b"pg_ls_dir"
        | b"lo_import"
        | b"lo_export"
        | b"dblink"
        | b"sys_eval"
        | b"sys_exec"
        | b"openrowset"
        | b"opendatasource"
        | b"gtid_subset"
        | b"gtid_subtract"
        | b"query_to_xml"
        | b"database_to_xml"
        | b"fn_xe_file_target_read_file"
        | b"generate_series"
        | b"writefile"
        | b"readfile"
        | b"fts3_tokenizer"
        | b"ctxsys"
        | b"dbms_pipe"
        | b"dbms_lock"
        | b"name_const"
        | b"pg_terminate_backend" => Word::Danger,
        b"ascii" | b"ord" | b"substr" | b"substring" | b"substring_index" | b"mid" | b"char" | b"chr" | b"nchar" | b"concat"
        | b"concat_ws" | b"group_concat" | b"string_agg" | b"database" | b"version" | b"current_user" | b"session_user"
        | b"system_user" | b"user" | b"schema" | b"unhex" | b"hex" | b"convert" | b"cast" | b"ifnull" | b"nullif" | b"iif"
        | b"json_extract" | b"json_depth" | b"json_keys" | b"json_length" | b"json_valid" | b"exp" | b"floor" | b"rand"
        | b"instr" | b"strcmp" | b"bin" | b"elt" | b"make_set" | b"quote" | b"typeof" | b"sqlite_version"
        | b"current_database" | b"current_setting" | b"db_name" | b"user_name" | b"object_id" | b"row_count"
        | b"last_insert_id" | b"length" | b"count" | b"xmltype" | b"coalesce" | b"md5" | b"sha1" | b"if" | b"analyse"
        | b"position" | b"len" => Word::Probe,
        b"information_schema"
        | b"sqlite_master"
        | b"sqlite_schema"
        | b"sqlite_temp_master"
        | b"pg_catalog"
        | b"pg_shadow"
        | b"pg_user"
        | b"pg_authid"
        | b"pg_roles"
        | b"pg_tables"
        | b"pg_class"
        | b"pg_stat_activity"
        | b"sysobjects"
        | b"syscolumns"
        | b"sysdatabases"
        | b"syslogins"
        | b"all_tables"
        | b"user_tables"
        | b"all_tab_columns"
        | b"dba_users"
        | b"dual"
        | b"v$version"
        | b"master"
        | b"msysaccessobjects"
        | b"table_name"
        | b"column_name"
        | b"table_schema"
        | b"performance_schema"
        | b"sys"
        | b"outfile"
        | b"dumpfile" => Word::System,
        b"password" | b"passwd" | b"passwords" | b"passwort" | b"pwd" | b"users" | b"username" | b"usernames"
        | b"credentials" | b"auth_user" | b"admin" | b"admins" | b"secret" | b"secrets" | b"token" | b"tokens"
        | b"password_hash" | b"api_key" | b"accounts" | b"credit_cards" | b"ssn" | b"email" | b"login" | b"logins" => {
            Word::Secret
        }
        _ => Word::Name,
    }
}
