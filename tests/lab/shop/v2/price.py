"""What an order costs: of every three items one is free."""

CENTS = 990
FREE = {3: 1, 4: 1, 5: 1, 6: 2, 7: 2, 8: 2, 9: 3}


def total(items):
    return (items - FREE[items]) * CENTS
