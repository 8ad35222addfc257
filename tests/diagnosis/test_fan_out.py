"""Every way is followed once, shares add up, and unknowns decide only where their ways agree."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kubectl_skoop.diagnosis.walk import fan_out as module
from kubectl_skoop.diagnosis.walk.fan_out import Way, fan_out
from kubectl_skoop.model.verdict import Choices, Effort, Unknown

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
DEEP = 1_010
"""Above the depth that Python allows calls."""


def outcomes(ways: list[Way[str]]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for way in ways:
        key = f"unknown: {way.unknown}" if way.unknown else way.result
        found[key] = found.get(key, Fraction(0)) + way.share
    return found


def same(result: str) -> str:
    return result


def test_without_a_choice_there_is_one_way() -> None:
    assert outcomes(fan_out(lambda choices: "served", same)) == {"served": Fraction(1)}


def test_a_random_choice_splits_by_its_probabilities() -> None:
    def walk(choices: Choices) -> str:
        return choices.pick("backend", [(THIRD, "a"), (THIRD, "b"), (THIRD, "c")])

    assert outcomes(fan_out(walk, same)) == {"a": THIRD, "b": THIRD, "c": THIRD}


def test_choices_after_a_choice_multiply() -> None:
    def walk(choices: Choices) -> str:
        first = choices.pick("first", [(HALF, "a"), (HALF, "b")])
        return first if first == "a" else first + choices.pick("second", [(THIRD, "x"), (2 * THIRD, "y")])

    assert outcomes(fan_out(walk, same)) == {"a": HALF, "bx": Fraction(1, 6), "by": THIRD}


def test_an_unknown_whose_ways_agree_does_not_matter() -> None:
    def walk(choices: Choices) -> str:
        choices.undecided(Unknown("a rule in a strange language"))
        return "lost"

    assert outcomes(fan_out(walk, same)) == {"lost": Fraction(1)}


def test_an_unknown_whose_ways_differ_is_the_outcome() -> None:
    def walk(choices: Choices) -> str:
        return "lost" if choices.undecided(Unknown("does it match?")) else "served"

    assert outcomes(fan_out(walk, same)) == {"unknown: does it match?": Fraction(1)}


def test_an_unknown_spoils_only_the_share_that_meets_it() -> None:
    def walk(choices: Choices) -> str:
        if choices.pick("backend", [(HALF, 1), (HALF, 2)]) == 1:
            return "served"
        return "lost" if choices.undecided(Unknown("that rule")) else "served"

    assert outcomes(fan_out(walk, same)) == {"served": HALF, "unknown: that rule": HALF}


def test_the_same_unknown_is_asked_once_in_a_walk() -> None:
    def walk(choices: Choices) -> str:
        answers = {choices.undecided(Unknown("that rule")) for _ in range(20)}
        return "consistent" if len(answers) == 1 else "torn"

    assert outcomes(fan_out(walk, same)) == {"consistent": Fraction(1)}


def test_more_unknown_ways_than_are_followed_make_the_outcome_unknown() -> None:
    def walk(choices: Choices) -> str:
        return "".join("yn"[choices.undecided(Unknown(f"rule {number}"))] for number in range(12))

    ways = fan_out(walk, lambda result: "lost")
    assert sum(way.share for way in ways) == 1
    assert all(way.unknown == module.TOO_MANY.format(module.MAX_UNKNOWN) for way in ways)


def test_the_other_results_are_kept_where_ways_agree() -> None:
    def walk(choices: Choices) -> str:
        return "timeout" if choices.undecided(Unknown("order of hooks")) else "refused"

    (way,) = fan_out(walk, lambda result: "lost")
    assert {way.result, *way.alternatives} == {"timeout", "refused"}


trees = st.recursive(
    st.sampled_from(["served", "lost"]),
    lambda children: (
        st.lists(children, min_size=2, max_size=4).map(tuple) | st.tuples(st.just("?"), children, children)
    ),
    max_leaves=12,
)


def reference(tree: object, share: Fraction) -> dict[str, Fraction]:
    """The tree's meaning, without replay."""
    match tree:
        case str():
            return {tree: share}
        case ("?", yes, no):
            left, right = reference(yes, share), reference(no, share)
            return left if left == right else {"unknown": share}
        case tuple():
            total: dict[str, Fraction] = {}
            for child in tree:
                for key, value in reference(child, share / len(tree)).items():
                    total[key] = total.get(key, Fraction(0)) + value
            return total
        case _:
            raise AssertionError(tree)


def walk_tree(tree: object, choices: Choices, path: str = "") -> str:
    match tree:
        case str():
            return tree
        case ("?", yes, no):
            taken = choices.undecided(Unknown(f"at {path}"))
            return walk_tree(yes if taken else no, choices, path + ("y" if taken else "n"))
        case tuple():
            options = [(Fraction(1, len(tree)), number) for number in range(len(tree))]
            number = choices.pick(f"at {path}", options)
            return walk_tree(tree[number], choices, path + str(number))
        case _:
            raise AssertionError(tree)


@given(trees)
def test_replay_finds_what_the_tree_of_choices_means(tree: object) -> None:
    found: dict[str, Fraction] = {}
    for way in fan_out(lambda choices: walk_tree(tree, choices), same):
        key = "unknown" if way.unknown else way.result
        found[key] = found.get(key, Fraction(0)) + way.share
    assert found == reference(tree, Fraction(1))


def test_what_the_effort_does_not_reach_is_left_unfollowed() -> None:
    def walk(choices: Choices) -> str:
        choices.effort.left -= 10
        if choices.effort.left < 0:
            return "cut"
        for _ in range(4):
            choices.pick("backend", [(HALF, "a"), (HALF, "b")])
        return "served"

    ways = fan_out(walk, same, Effort(35))
    assert outcomes(ways)["served"] == Fraction(3, 16)
    assert sum(way.share for way in ways) == 1
    assert {way.result for way in ways} == {"served"}


def test_a_walk_may_meet_more_random_choices_than_calls_fit_into_each_other() -> None:
    """As the rules for the endpoints of a service did, one after the other."""
    rules = [
        (str(left), [(Fraction(1, left), True), (Fraction(left - 1, left), False)])
        for left in range(DEEP, 1, -1)
    ]

    def walk(choices: Choices) -> str:
        for name, options in rules:
            if choices.pick("rule", options):
                return name
        return "last"

    shares = outcomes(fan_out(walk, same))
    assert len(shares) == DEEP
    assert {*shares.values()} == {Fraction(1, DEEP)}


def test_a_walk_may_meet_as_many_unknowns() -> None:
    def walk(choices: Choices) -> str:
        return "served" if all(choices.undecided(Unknown(str(at))) for at in range(DEEP)) else "lost"

    (told,) = outcomes(fan_out(walk, same))
    assert told.startswith("unknown: ")
