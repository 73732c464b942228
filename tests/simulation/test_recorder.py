"""The recorder: rows, blocks, marks and states."""

from __future__ import annotations

from evosim.fitness.landscape import Landscape
from evosim.optimizers.params import Sexual
from evosim.optimizers.wright_fisher import SexualPopulation
from evosim.simulation.generation import Evaluation
from evosim.simulation.recorder import Recorder
from tests.support.runs import equal
from tests.support.settings import quick, setting


def recorded(generations: int) -> tuple[Recorder, list[Recorder]]:
    """A recorder after some generations, and one restored at each mark."""
    problem = setting("micro", *quick("micro"))
    landscape = Landscape(problem)
    population = SexualPopulation(Sexual(population=20), problem.genome.grid, 0)
    evaluation = Evaluation(problem, landscape, population, 0)
    recorder, restored = Recorder(0, problem.genome.grid), list[Recorder]()
    for g in range(generations):
        generation = evaluation.load(population.ask())
        recorder.add(g, "ancestral", generation)
        if g == 0:
            genotypes = generation.genotypes
            recorder.add_snapshot("first", g, genotypes, landscape, population.fitness_retained)
        restored.append(Recorder(0, problem.genome.grid))
        restored[-1].restore(recorder.state(recorder.mark()))
        population.tell(evaluation.reported(g)[0])
    return recorder, restored


def test_a_restored_recorder_has_the_same_tables() -> None:
    recorder, restored = recorded(5)
    mark = recorder.mark()
    assert equal(recorder.state(mark).tables, restored[-1].state(restored[-1].mark()).tables)
    assert restored[1].tables()["generations"].height == 2
    assert equal(recorder.tables(), restored[-1].tables())


def test_a_mark_leaves_out_later_rows() -> None:
    recorder, _ = recorded(4)
    mark = recorder.mark()
    rows = recorder.take_rows()
    assert rows.generations.height == 4
    assert recorder.first == 4
    assert recorder.state(mark).tables["generations"].height == 4
    assert recorder.state(recorder.mark()).tables["generations"].is_empty()


def test_a_snapshot_counts_every_individual() -> None:
    recorder, _ = recorded(1)
    snapshot = recorder.populations()
    assert snapshot["count"].sum() == 20
    assert set(snapshot["moment"]) == {"first"}
