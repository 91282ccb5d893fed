use super::*;

#[track_caller]
fn check(text: &str, service: &str, effect: Effect) {
    assert_eq!(text.parse(), Ok(Fault { service: service.to_owned(), effect }));
}

#[track_caller]
fn refused(text: &str, remedy: &str) {
    let problem = text.parse::<Fault>().unwrap_err().to_string();
    assert!(problem.contains(remedy), "{problem}");
    assert!(problem.contains(text), "{problem}");
}

#[test]
fn faults_are_read_as_people_write_them() {
    check("payment:latency+300ms", "payment", Effect::Later(Duration::from_millis(300)));
    check("payment: latency + 1.5s", "payment", Effect::Later(Duration::from_millis(1_500)));
    check("cart:error 20%", "cart", Effect::Error(0.2));
    check("cart:error20%", "cart", Effect::Error(0.2));
    check("cart:error 0.5 %", "cart", Effect::Error(0.005));
    check("checkout:down", "checkout", Effect::Down);
    check("*:latency*2", "*", Effect::Slower(2.0));
}

#[test]
fn what_is_no_fault_is_refused_with_a_remedy() {
    refused("payment", "there is no colon; write SERVICE:latency+300ms");
    refused(":down", "no service is named");
    refused("cart:slow", "`slow` is no effect; write SERVICE:latency+300ms");
    refused("cart:error", "write error20%");
    refused("cart:error 200%", "from 0% to 100%");
    refused("cart:error 20", "write error20%");
    refused("cart:latency+300", "write latency+300ms");
    refused("cart:latency300ms", "write latency+300ms");
    refused("cart:latency*0.5", "a factor from 1 to 10000");
    refused("cart:latency*NaN", "a factor from 1 to 10000");
    refused("*:down", "name the services that are down");
}

#[test]
fn a_whole_name_is_meant_before_a_part_of_names() {
    let names = ["cart", "cart-api", "cart-worker", "payment-api"];
    let down = |service: &str| {
        let fault = Fault { service: service.to_owned(), effect: Effect::Down };
        let found = ailments(&[fault], &names).unwrap();
        found.iter().map(|ailment| ailment.down).collect::<Vec<_>>()
    };
    assert_eq!(down("cart"), [true, false, false, false]);
    assert_eq!(down("api"), [false, true, false, true]);
}

#[test]
fn faults_of_one_service_add_up() {
    let faults: Vec<Fault> =
        ["a:error50%", "*:error50%", "a:latency+1s", "a:latency+2s", "*:latency*2", "a:latency*3"]
            .map(|fault| fault.parse().unwrap())
            .to_vec();
    let found = ailments(&faults, &["a", "b"]).unwrap();
    assert_eq!((found[0].error, found[0].later_ns, found[0].factor), (0.75, 3_000_000_000, 6.0));
    assert_eq!((found[1].error, found[1].later_ns, found[1].factor), (0.5, 0, 2.0));
}
