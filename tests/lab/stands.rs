//! What the lab is made of does what it is there for.

use super::harness::Lab;
use super::processes::until;

#[test]
fn the_shop_is_balanced_over_three_instances_and_measured() {
    let Some(lab) = Lab::with(&["haproxy", "app", "prometheus"]) else {
        return;
    };
    let _people = lab.traffic("user", 30, 100);

    until("each instance is seen to work", 30, || {
        let working =
            r#"count(sum by (instance) (http_requests_total{service="shop",status="200"}) > 0)"#;
        lab.measured(working) == Some(3.0)
    });
    let page = lab.page("http://127.0.0.1:8003/alive");
    assert_eq!(page["version"], "v1");
    assert_eq!(lab.measured("no_such_metric"), None);
}
