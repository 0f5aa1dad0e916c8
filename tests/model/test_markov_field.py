from __future__ import annotations

import numpy as np
import pytest

from mriseg.model.markov_field import neighbour_strength, neighbour_weights, regularise


def _noisy(shape=(20, 20, 20), doubt=0.3):
    """Two halves; every voxel's posterior favours a random class, mostly the right one."""
    truth = np.zeros(shape, dtype=int)
    truth[shape[0] // 2 :] = 1
    wrong = np.random.default_rng(0).uniform(size=shape) < doubt / 2
    favoured = np.where(wrong, 1 - truth, truth)
    posterior = np.stack([np.where(favoured == k, 0.7, 0.3) for k in (0, 1)], axis=-1)
    return truth, posterior.reshape(-1, 2).astype(np.float32)


def test_neighbours_repair_noise():
    truth, posteriors = _noisy()
    mask = np.ones(truth.shape, dtype=bool)
    after = regularise(posteriors, mask, np.ones(3), 2.0)
    wrong_before = (posteriors.argmax(axis=1) != truth.ravel()).mean()
    wrong_after = (after.argmax(axis=1) != truth.ravel()).mean()
    assert wrong_after < wrong_before / 4
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda mask: mask[::-1][::-1], lambda mask: mask.T.copy().T]
)
def test_the_memory_layout_of_the_mask_changes_nothing(layout):
    _, posteriors = _noisy((12, 15, 18))
    mask = np.random.default_rng(2).uniform(size=(12, 15, 18)) < 0.8
    zooms = np.array([1.0, 1.5, 3.0])
    inside = posteriors[mask.ravel()]
    np.testing.assert_array_equal(
        regularise(inside, layout(mask), zooms, 2.0), regularise(inside, mask, zooms, 2.0)
    )


def test_strength_zero_changes_nothing():
    truth, posteriors = _noisy()
    after = regularise(posteriors, np.ones(truth.shape, dtype=bool), np.ones(3), 0.0)
    np.testing.assert_allclose(after, posteriors, atol=1e-6)


def test_a_lone_voxel_keeps_its_posterior():
    mask = np.zeros((5, 5, 5), dtype=bool)
    mask[2, 2, 2] = True
    posterior = np.array([[0.2, 0.5, 0.3]], dtype=np.float32)
    np.testing.assert_allclose(regularise(posterior, mask, np.ones(3), 3.0), posterior, atol=1e-6)


def test_the_nearer_neighbour_has_more_to_say():
    x, y, z = neighbour_weights(np.array([1.0, 1.0, 3.0]))
    assert x == y == pytest.approx(3 * z)
    assert 2 * (x + y + z) == pytest.approx(1)


def test_certainty_does_not_give_in():
    mask = np.ones((3, 3, 3), dtype=bool)
    posteriors = np.tile(np.array([1.0, 0.0], dtype=np.float32), (27, 1))
    posteriors[13] = 0, 1
    after = regularise(posteriors, mask, np.ones(3), 2.0)
    assert after[13, 1] > 0.99


def test_turning_the_grid_turns_the_result():
    truth, posteriors = _noisy()
    zooms = np.array([1.0, 1.5, 3.0])
    mask = np.random.default_rng(1).uniform(size=truth.shape) < 0.9
    volume = posteriors.reshape(*truth.shape, 2)
    straight = regularise(volume[mask], mask, zooms, 2.0)
    back = np.zeros_like(volume)
    turned = mask.transpose(2, 0, 1)[:, ::-1]
    turned_posteriors = volume.transpose(2, 0, 1, 3)[:, ::-1][turned]
    view = back.transpose(2, 0, 1, 3)[:, ::-1]
    view[turned] = regularise(turned_posteriors, turned, zooms[[2, 0, 1]], 2.0)
    np.testing.assert_allclose(back[mask], straight, atol=1e-5)


def test_noise_makes_neighbours_count():
    centres = np.array([[40.0], [100.0], [140.0]])
    strengths = [
        neighbour_strength(centres, np.full((3, 1, 1), sd**2)) for sd in (1.0, 8.0, 10.0, 12.0, 40.0)
    ]
    assert strengths == sorted(strengths)
    assert strengths[0] < strengths[2] < strengths[4]
    assert strengths[2] == neighbour_strength(10 * centres[::-1] - 7, np.full((3, 1, 1), 100.0**2))


def test_a_channel_that_tells_tissues_apart_leaves_less_to_neighbours():
    first, second = np.array([40.0, 100.0, 140.0]), np.array([300.0, 180.0, 100.0])
    alone = neighbour_strength(first[:, None], np.full((3, 1, 1), 144.0))
    idle = neighbour_strength(np.column_stack([first, np.full(3, 7.0)]), np.tile(144 * np.eye(2), (3, 1, 1)))
    both = neighbour_strength(np.column_stack([first, second]), np.tile(np.diag([144.0, 900.0]), (3, 1, 1)))
    assert idle == pytest.approx(alone)
    # Squares of contrast to noise add up: (40/12)^2, and (80/30)^2 more.
    assert alone == pytest.approx(30 / (40 / 12) ** 2)
    assert both == pytest.approx(30 / ((40 / 12) ** 2 + (80 / 30) ** 2))
