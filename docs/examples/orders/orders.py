#!/usr/bin/python3
"""Orders of a shop: whoever has ordered is told in the transaction that takes
the order, so there is no message without an order."""

import json
import sys

import psycopg2


def tell(db, order, template):
    """Tell the buyer of an order, once. If that cannot be, the order is none the worse."""
    with db.cursor() as cursor:
        cursor.execute(
            "SELECT teams_send(buyer, teams_render(%s, to_jsonb(orders)),"
            " dedupe_key => %s, reference => %s, on_error => 'warn')"
            " FROM orders WHERE id = %s", (template, f"{template} {order}", f"order {order}", order))
    while db.notices:
        print(f"order {order}: {db.notices.pop(0)}", end="", file=sys.stderr)


def place(db, buyer, items):
    with db:
        with db.cursor() as cursor:
            cursor.execute("INSERT INTO orders (buyer, items) VALUES (%s, %s) RETURNING id",
                           (buyer, json.dumps(items)))
            (order,) = cursor.fetchone()
        tell(db, order, "order_placed")
    return order


def ship(db, order):
    with db:
        with db.cursor() as cursor:
            cursor.execute("UPDATE orders SET state = 'shipped' WHERE id = %s", (order,))
        tell(db, order, "order_shipped")


if __name__ == "__main__":
    database = psycopg2.connect("")
    number = place(database, sys.argv[1], [{"name": "Paper", "count": 3}, {"name": "Ink", "count": 1}])
    ship(database, number)
    print(f"order {number} is on its way")
