use super::*;

fn read<T: FromValue>(literal: &str) -> Result<T, Wrong> {
    T::from_value(DeValue::parse(literal).unwrap().get_ref())
}

#[test]
fn durations_have_a_unit() {
    for (literal, millis) in [
        ("\"500ms\"", 500),
        ("\"30s\"", 30_000),
        ("\"5m\"", 300_000),
        ("\"12h\"", 43_200_000),
        ("\"90d\"", 7_776_000_000),
        ("\"0s\"", 0),
    ] {
        assert_eq!(read(literal), Ok(Duration::from_millis(millis)), "{literal}");
    }
    for literal in
        ["\"\"", "\"30\"", "\"s\"", "\"-1s\"", "\"1.5s\"", "\"1y\"", "\"99999999999999999999s\"", "\"9999999999d\"", "30", "true"]
    {
        assert!(read::<Duration>(literal).is_err(), "{literal}");
    }
}

#[test]
fn sizes_are_binary() {
    for (literal, bytes) in
        [("\"512B\"", 512), ("\"16KiB\"", 16384), ("\"10MB\"", 10 << 20), ("\"2 GiB\"", 2 << 30), ("1_000", 1000), ("0", 0)]
    {
        assert_eq!(read(literal), Ok(Size(bytes)), "{literal}");
    }
    for literal in ["\"\"", "\"MiB\"", "\"1TiB\"", "\"1.5MiB\"", "-1", "1.5", "\"99999999GiB\""] {
        assert!(read::<Size>(literal).is_err(), "{literal}");
    }
}

#[test]
fn numbers_keep_their_bounds() {
    assert_eq!(read::<u16>("0xffff"), Ok(65535));
    assert!(read::<u16>("65536").unwrap_err().help.contains("from 0 to 65535"));
    assert!(read::<u64>("-1").is_err());
    assert!(read::<i64>("9223372036854775808").is_err());
}

#[test]
fn every_wrong_item_of_a_list_is_found() {
    let wrong = read::<Vec<bool>>("[true, 1, false, \"a\"]").unwrap_err();
    assert_eq!((wrong.span, wrong.message.as_str()), (Some(7..8), "this is a whole number, not a boolean"));
    assert_eq!((wrong.also[0].span.clone(), wrong.also[0].message.as_str()), (Some(17..20), "this is a text, not a boolean"));
    let wrong = read::<BTreeMap<String, u16>>("{ a = 1, b = 70000, c = true }").unwrap_err();
    assert_eq!(wrong.also.len(), 1);
}
