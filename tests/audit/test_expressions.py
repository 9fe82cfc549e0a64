"""Expressions of configs: what computes passes, what reaches the rest of Python does not."""

import pytest

from mammoseg.audit.expressions import find_faults_in_expression, write_out
from mammoseg.audit.imports import collect_imports

HARMLESS = [
    "@device.type == 'cuda'",
    "@max_epochs * len(@train::dataloader) // 10",
    "@train::batch_augmentation or monai.engines.PrepareBatchDefault()",
    "[lambda named: 'encoder.' in named[0]]",
    "torch.device('cuda:' + os.environ['LOCAL_RANK'] if torch.cuda.is_available() else 'cpu')",
    "isinstance(@lr_scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)",
    "monai.handlers.from_engine(['loss'], first=True)",
    "sorted(os.path.join(@root, name) for name in @names)",
    "2**20",
    "7 % 2",
    'len("@a")',
    "@evaluator.state.metrics",
    "[x for x in @needed]",
    "(lambda max: max)(1)",
    "dist.init_process_group('gloo')",
    "torch.distributed.init_process_group(backend=@backend)",
]

HOSTILE = [
    ("os.system('id')", "uses os.system"),
    ("__import__('os').system('id')", "uses __import__"),
    ("import os; os.system('id')", "is no expression of Python"),
    ("@network.__class__.__mro__[1].__subclasses__()", "uses .__subclasses__()"),
    ("().__class__.__base__", "uses .__base__"),
    ("torch.hub.load('a', 'b')", "uses torch.hub.load"),
    ("torch.load('models/model.pt', weights_only=False)", "uses torch.load"),
    ("torch.os.system('id')", "uses torch.os.system"),
    ("monai.bundle.run()", "uses monai.bundle.run"),
    ("monai.transforms.utils.os.system('id')", "uses monai.transforms.utils.os.system"),
    ("monai.data.PersistentDataset", "uses monai.data.PersistentDataset"),
    ("np.load('a.npy', allow_pickle=True)", "uses numpy.load"),
    ("getattr(torch, 'hub')", "uses getattr"),
    ("eval('1')", "uses eval"),
    ("open('/etc/passwd').read()", "uses open"),
    ("'{0.__class__}'.format(@a)", "uses .format()"),
    ("(lambda os: os)(1) or os.system('id')", "gives os another meaning"),
    ("[(lambda torch: 0), list(map(torch.os.system, ['id']))]", "uses torch.os.system"),
    ("[(lambda eval: 0), eval('1')]", "uses eval"),
    ("[(lambda __builtins__: 0), __builtins__['eval']('1')]", "uses __builtins__"),
    ("[open for open in @names]", "gives open another meaning"),
    ("list(map(@a.system, ['id']))", "uses .system"),
    ("[f('id') for f in [@a.system]]", "uses .system"),
    ("@a.type('id')", "uses .type()"),
    ("@needs::0.run('id')", "refers to a module"),
    ("[m for m in @needs]", "refers to a module"),
    ("@above.get('modules')", "refers to a module"),
    ("__local_refs", "refers to a module"),
    ("__local_refs.values()", "refers to a module"),
    ("__local_refs[@a]", "refers to a module"),
    ("'@f{os.system(1)}'", "uses os.system"),
    ("[1][0#os.system('id')\n]", "uses os.system"),
    ("[0, @#a]", "refers to what stands near it, which becomes code"),
    ("7 %#a", "refers to what stands near it, which becomes code"),
    ("monai.transforms.LoadImage(@a)", "uses monai.transforms.LoadImage, which makes what it is given a name of"),
    ("list(map(monai.inferers.PatchInferer, @a))", "uses monai.inferers.PatchInferer, which makes what it is given a "),
    ("dict(a='os.system')", "names os.system"),
    ("dist.init_process_group('gloo', init_method=@a)", "uses torch.distributed.init_process_group with"),
    ("dist.init_process_group('gloo', @a)", "uses torch.distributed.init_process_group with"),
    ("dist.init_process_group(*@a)", "uses torch.distributed.init_process_group with"),
    ("dist.init_process_group(**@a)", "uses torch.distributed.init_process_group with"),
    ("list(map(dist.init_process_group, @a, @b))", "uses torch.distributed.init_process_group with"),
    ("os" + ".a" * 1900, "uses os" + ".a" * 1900),
    ("[system for system in [os.system]]", "uses os.system"),
    ("f'{os.system(1)}'", "uses os.system"),
    ("@a#0.system('id')", "uses .system()"),
    ("9**9**9", "takes a power that may be without bound"),
    ("'a' << @n", "takes a power that may be without bound"),
    ("(x := 1)", "has NamedExpr"),
    ("glob.os.system('id')", "uses glob.os.system"),
    ("print(torch)", "uses torch"),
    ("1 +" * 3000, "is longer than 4000 letters"),
    ("(" * 999, "is no expression of Python"),
    ("\0", "is no expression of Python"),
]

IMPORTS = collect_imports(
    [
        ("needs::0", "$import os"),
        ("needs::1", "$import glob"),
        ("needs::2", "$import torch.distributed as dist"),
        ("above::modules", "$import os"),
    ]
)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_computes_passes(text):
    assert list(find_faults_in_expression(text, IMPORTS)) == []


@pytest.mark.parametrize(("text", "fault"), HOSTILE)
def test_what_reaches_further_is_named(text, fault):
    assert [found for found in find_faults_in_expression(text, IMPORTS) if found.startswith(fault)]


@pytest.mark.parametrize("text", ["@a", "@a::b#0 + @ab", "'@f{1}'", "[1][0#x]", "@", "@@a", "7 % @a"])
def test_an_expression_is_written_out_as_monai_does(text):
    from monai.bundle import ReferenceResolver

    refs = dict.fromkeys(["a", "a::b::0", "ab", "f", ""])
    assert "$" + write_out(text) == ReferenceResolver.update_refs_pattern("$" + text, refs)
