"""The tests of the shop, with a bot that records instead of sending: see docs/testing.md."""

import unittest

import psycopg2

import orders


class Orders(unittest.TestCase):
    def setUp(self):
        self.db = psycopg2.connect("")
        self.value("SELECT teams_reset_dry_run()")

    def tearDown(self):
        self.db.close()

    def value(self, query, *arguments):
        with self.db, self.db.cursor() as cursor:
            cursor.execute(query, arguments)
            return cursor.fetchone()[0]

    def told(self):
        return self.value("SELECT coalesce(array_agg(target || ': ' || coalesce(text, summary) ORDER BY id), '{}')"
                          " FROM teams_recorded_detail")

    def test_buyer_is_told_once(self):
        order = orders.place(self.db, "ada@contoso.com", [{"name": "Ink", "count": 1}])
        orders.ship(self.db, order)
        orders.ship(self.db, order)
        self.assertEqual(self.told(), [f"ada@contoso.com: Order {order} is placed",
                                       f"ada@contoso.com: Order {order} is on its way."])

    def test_order_of_somebody_without_teams_is_kept(self):
        order = orders.place(self.db, "at the counter", [])
        self.assertEqual(self.value("SELECT state FROM orders WHERE id = %s", order), "placed")
        self.assertEqual(self.told(), [])

    def test_no_order_no_message(self):
        with self.assertRaises(psycopg2.Error):
            orders.place(self.db, "grace@contoso.com", float("nan"))
        self.assertEqual(self.told(), [])


if __name__ == "__main__":
    unittest.main()
