use super::*;

fn check(host: &str, origin: &str, list: &AllowList) -> Result<(), Foreign> {
    let mut headers = HeaderMap::new();
    if !host.is_empty() {
        headers.insert(HOST, host.parse().unwrap());
    }
    if !origin.is_empty() {
        headers.insert(ORIGIN, origin.parse().unwrap());
    }
    list.check(&Uri::from_static("/v1/traces"), &headers)
}

#[test]
fn this_machine_by_any_of_its_names_is_let_in() {
    for host in
        ["localhost:4318", "LOCALHOST", "127.0.0.1:4318", "[::1]:4318", "[::1]", "app.localhost:1", ""]
    {
        assert_eq!(check(host, "", &AllowList::default()), Ok(()), "{host}");
    }
    assert_eq!(check("localhost", "http://localhost:3000", &AllowList::default()), Ok(()));
}

#[test]
fn a_name_that_somebody_made_resolve_to_us_is_not() {
    for host in
        ["evil.example:4318", "localhost.evil.example", "evillocalhost", "127.0.0.1.nip.io", "192.0.2.1"]
    {
        assert_eq!(check(host, "", &AllowList::default()), Err(Foreign::Host(host.into())));
    }
}

#[test]
fn a_foreign_page_is_not_let_in_unless_it_is_listed() {
    for origin in
        ["https://evil.example", "null", "http://localhost.evil.example", "https://a.example.com.evil"]
    {
        assert_eq!(check("localhost", origin, &AllowList::default()), Err(Foreign::Origin(origin.into())));
    }
    let list = AllowList { origins: vec!["https://*.example.com".into()], hosts: vec!["collector".into()] };
    assert_eq!(check("collector:4318", "https://app.example.com", &list), Ok(()));
    assert_eq!(
        check("localhost", "https://a.example.com.evil", &list),
        Err(Foreign::Origin("https://a.example.com.evil".into()))
    );
}
