"""Public implementations of the systems, taken from a folder of their repositories.

The repositories lie beside each other in it, each in a folder of its own name, at these commits:

- jamesmullenbach/caml-mimic 44a47455070d
- foxlf823/Multi-Filter-Residual-Convolutional-Neural-Network 4acb3c0b68a4
- aehrc/LAAT cd5c0ec0b0b8
- machinelearning4health/Fusion-Towards-Automated-ICD-Coding 2dfb8a33f105
- CSUBioGroup/LD-PLAM 0b78c6368a65
- MiuLab/PLM-ICD 410655073b70
- leiboliu/HiLAT 6d5c345ea97f
- JoakimEdin/medical-coding-reproducibility c0e1d4261f73
- dalgu90/icd-coding-benchmark aa9d4b42e456

None of them is part of this project, and none of their code is here: their classes are imported
as they are, and trained with their own loss, optimiser and padding. What they import beside torch
and transformers is replaced by empty stand-ins, none of which a training step touches. Where the
code asks for a GPU by name or for a method that transformers has lost, that call is left out.
"""

import importlib
import sys
import warnings
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np
import torch

KERNELS = [3, 5, 9, 15, 19, 25]
PADDING = 1  # what RoBERTa calls it


@contextmanager
def importing_from(folder, **stand_ins):
    """Import what lies in a folder, then forget its names: the repositories share some.

    A stand-in is a module's attributes; two underlines stand for a dot in its name.
    """
    path, before = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(folder))
    for name, attributes in stand_ins.items():
        module = ModuleType(name.replace("__", "."))
        vars(module).update(attributes, __path__=[])
        sys.modules[module.__name__] = module
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(str(folder)) or name.replace(".", "__") in stand_ins:
                del sys.modules[name]


class PublicSystem:
    """A public implementation, ready to train.

    Parameters
    ----------
    folder : Path
        The folder of the repositories.

    sizes : SimpleNamespace
        `n_tokens`, `n_codes`, and `transformer`, the folder of one.
    """

    repository = ""
    lr = 1e-4

    def __init__(self, folder, sizes):
        with warnings.catch_warnings(action="ignore"):
            self.module = self.build(folder / self.repository.partition("/")[2], sizes).train()
        self.optimizer = self.make_optimizer()

    def make_optimizer(self):
        return torch.optim.Adam(self.module.parameters(), lr=self.lr)

    def batches(self, lengths, size, rng):
        """Cut an epoch into batches; most shuffle the notes."""
        return cut(rng.permutation(len(lengths)), size)

    def pad(self, ids):
        """Pad the ids of a batch of an epoch; most pad to the longest note."""
        return ids

    def step(self, ids, y):
        """Do one training step."""
        self.optimizer.zero_grad()
        self.loss(ids, y).backward()
        self.optimizer.step()


def cut(order, size):
    return [order[k : k + size] for k in range(0, len(order), size)]


def random_vectors(n, d):
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


class CAML(PublicSystem):
    repository = "jamesmullenbach/caml-mimic"

    def build(self, folder, sizes):
        with importing_from(folder, dataproc={"extract_wvs": None}):
            models = importlib.import_module("learn.models")
        words = {"ind2w": range(sizes.n_tokens - 2)}
        return models.ConvAttnPool(sizes.n_codes, None, 10, 50, 0, False, words, dropout=0.2)

    def batches(self, lengths, size, rng):
        return cut(np.argsort(lengths), size)  # its files are sorted, and stay so

    def loss(self, ids, y):
        return self.module(ids, y)[1]


class MultiResCNN(PublicSystem):
    repository = "foxlf823/Multi-Filter-Residual-Convolutional-Neural-Network"

    def build(self, folder, sizes):
        with importing_from(
            folder,
            elmo={},
            elmo__elmo={"Elmo": None},
            utils={"build_pretrain_embedding": None, "load_embeddings": None},
            pytorch_pretrained_bert={"BertModel": None, "BertConfig": None},
            pytorch_pretrained_bert__modeling={"BertLayerNorm": None},
        ):
            models = importlib.import_module("models")
        return models.MultiResCNN(
            word_settings(conv_layer=1), sizes.n_codes, {"w2ind": range(sizes.n_tokens - 2)}
        )

    def loss(self, ids, y):
        return self.module(ids, y, None)[1]


class Fusion(PublicSystem):
    repository = "machinelearning4health/Fusion-Towards-Automated-ICD-Coding"

    def build(self, folder, sizes):
        with importing_from(
            folder,
            elmo={},
            elmo__elmo={"Elmo": None},
            utils={"build_pretrain_embedding": None, "load_embeddings": None},
        ):
            models = importlib.import_module("learn.models_new")
        settings = word_settings(
            conv_layer=1, compressor_layer=1, use_attention_pool=True, pool_size=2,
            use_layer_norm=True, use_relu=False, use_transformer=True, transfer_layer=1,
            transfer_attention_head=4, transfer_fsize=1024, MAX_LENGTH=2500,
        )  # fmt: skip
        words = {"w2ind": range(sizes.n_tokens - 2), "e2ind": range(1)}
        return models.MultiResCNNHidden(settings, sizes.n_codes, words)

    def loss(self, ids, y):
        cuda, torch.Tensor.cuda = torch.Tensor.cuda, lambda tensor, *_: tensor
        try:
            return self.module(ids, y, None)[1]
        finally:
            torch.Tensor.cuda = cuda


def word_settings(**settings):
    return SimpleNamespace(
        gpu=-1,
        embed_file=None,
        embed_size=100,
        use_elmo=False,
        dropout=0.2,
        num_filter_maps=50,
        filter_size=",".join(map(str, KERNELS)),
        **settings,
    )


class LAAT(PublicSystem):
    repository = "aehrc/LAAT"
    lr = 1e-3

    def build(self, folder, sizes):
        with importing_from(folder):
            models = importlib.import_module("src.models.rnn")
        settings = SimpleNamespace(
            use_last_hidden_state=0, mode="static", embedding_size=100, rnn_model="LSTM",
            n_layers=1, bidirectional=1, hidden_size=512, attention_mode="label", d_a=512, r=-1,
            dropout=0.3, joint_mode="hierarchical", level_projection_size=128,
        )  # fmt: skip
        vocabulary = SimpleNamespace(
            n_words=lambda: sizes.n_tokens,
            word_embeddings=torch.from_numpy(random_vectors(sizes.n_tokens, 100)),
            n_level=lambda: 1,
            n_labels=lambda level: sizes.n_codes,
            all_n_labels=lambda: [sizes.n_codes],
        )
        self.criterion = torch.nn.BCEWithLogitsLoss()
        return models.RNN(vocabulary, settings)

    def make_optimizer(self):
        return torch.optim.AdamW(self.module.parameters(), lr=self.lr, weight_decay=0)

    def loss(self, ids, y):
        lengths = (ids != 0).sum(dim=1)
        order = lengths.argsort(descending=True)
        return self.criterion(self.module(ids[order], lengths[order])[0][0], y[order])


class LDPLAM(PublicSystem):
    repository = "CSUBioGroup/LD-PLAM"
    lr = 3e-4

    def build(self, folder, sizes):
        with importing_from(folder, metrics={}):
            models = importlib.import_module("DL_ClassifierModel")
        self.system = models.LD_PLAM(
            sizes.n_codes,
            random_vectors(sizes.n_tokens, 128),
            random_vectors(sizes.n_codes, 1024),
            rnnHiddenSize=128,
            attnList=[256],
            device=torch.device("cpu"),
        )
        self.system.stepCounter, self.system.stepUpdate = 0, 1
        return self.system.moduleList

    def pad(self, ids):
        return torch.nn.functional.pad(ids, (0, 2500 - ids.shape[1]))

    def step(self, ids, y):
        with warnings.catch_warnings(action="ignore"):
            self.system._train_step({"noteArr": ids}, y, self.optimizer)


class PLMICD(PublicSystem):
    repository = "MiuLab/PLM-ICD"
    lr = 5e-5

    def build(self, folder, sizes):
        from transformers import RobertaConfig

        with importing_from(folder / "src"):
            network = importlib.import_module("modeling_roberta").RobertaForMultilabelClassification
        network.init_weights = lambda module: None
        config = RobertaConfig.from_pretrained(sizes.transformer, num_labels=sizes.n_codes)
        config.model_mode = "laat"
        return network(config)

    def make_optimizer(self):
        return torch.optim.AdamW(self.module.parameters(), lr=self.lr, weight_decay=0)

    def loss(self, ids, y):
        return self.module(**for_roberta(ids), token_type_ids=torch.zeros_like(ids), labels=y).loss


class HiLAT(PublicSystem):
    repository = "leiboliu/HiLAT"
    lr = 5e-5

    def build(self, folder, sizes):
        with importing_from(folder, hilat__models__utils={"initial_code_title_vectors": None}):
            models = importlib.import_module("hilat.models.modeling")
        config = models.CodingModelConfig(
            str(sizes.transformer), None, "all", 10, 512, 0.1, 0.1, 768, None, sizes.n_codes,
            False, 0, 0, False, True, 0.0, 0.03, None, False,
        )  # fmt: skip
        return models.CodingModel(config, None)

    def make_optimizer(self):
        return torch.optim.AdamW(self.module.parameters(), lr=self.lr, weight_decay=0.1)

    def loss(self, ids, y):
        _, s, length = ids.shape
        ids = torch.nn.functional.pad(ids, (0, 512 - length, 0, 10 - s))
        fed = for_roberta(ids)
        return self.module(**fed, token_type_ids=torch.zeros_like(ids), targets=y)["loss"]


def for_roberta(ids):
    real = ids != 0
    return {"input_ids": torch.where(real, ids - 1, PADDING), "attention_mask": real.long()}


class Edin(PublicSystem):
    """The systems of Edin et al., which share their batches: notes of like length."""

    repository = "JoakimEdin/medical-coding-reproducibility"
    boundaries = [*range(400, 2201, 200), 2600, 3000, 4000]  # noqa: RUF012, read only

    def build(self, folder, sizes):
        with importing_from(
            folder,
            src__settings={"PAD_TOKEN": ""},
            src__text_encoders={"BaseTextEncoder": object},
        ):
            models = importlib.import_module("src.models")
        vectors = SimpleNamespace(embedding_size=100, weights=random_vectors(sizes.n_tokens, 100))
        return self.choose(models, sizes, vocab_size=sizes.n_tokens, text_encoder=vectors)

    def batches(self, lengths, size, rng):
        buckets = np.digitize(lengths, self.boundaries)
        notes = [rng.permutation(np.flatnonzero(buckets == k)) for k in np.unique(buckets)]
        return [batch for bucket in notes for batch in cut(bucket, size)]

    def loss(self, ids, y):
        batch = SimpleNamespace(data=ids, targets=y, num_tokens=(ids != 0).sum(dim=1))
        return self.module.training_step(batch)["loss"]


class EdinCAML(Edin):
    def choose(self, models, sizes, **words):
        return models.CAML(
            num_classes=sizes.n_codes, num_filters=50, kernel_size=10, embed_dropout=0.2, **words
        )


class EdinMultiResCNN(Edin):
    def choose(self, models, sizes, **words):
        return models.MultiResCNN(
            num_classes=sizes.n_codes,
            num_filters=50,
            kernel_sizes=KERNELS,
            embed_dropout=0.2,
            **words,
        )


class EdinLAAT(Edin):
    lr = 1e-3

    def choose(self, models, sizes, **words):
        return models.LAAT(
            num_classes=sizes.n_codes,
            rnn_hidden_size=512,
            projection_size=512,
            embed_dropout=0.3,
            rnn_dropout=0.3,
            **words,
        )


class EdinPLMICD(Edin):
    lr = 5e-5

    def choose(self, models, sizes, **_):
        return models.PLMICD(sizes.n_codes, str(sizes.transformer))

    def make_optimizer(self):
        return torch.optim.AdamW(self.module.parameters(), lr=self.lr, weight_decay=0)

    def loss(self, ids, y):
        fed = for_roberta(ids)
        batch = SimpleNamespace(
            data=fed["input_ids"], targets=y, attention_mask=fed["attention_mask"]
        )
        return self.module.training_step(batch)["loss"]


class AnEMIC(PublicSystem):
    """The systems of AnEMIC, ported from those of their authors."""

    repository = "dalgu90/icd-coding-benchmark"

    def build(self, folder, sizes):
        table = random_vectors(sizes.n_tokens, 100)
        lookups = {"w2ind": {"<pad>": 0, "<unk>": 1}}
        with importing_from(
            folder,
            anemic={},
            anemic__models={},
            anemic__utils={},
            anemic__utils__text_loggers={"get_logger": lambda name: _Silent()},
            anemic__utils__model_utils={
                "load_lookups": lambda **_: lookups,
                "pad_desc_vecs": None,
            },
            anemic__utils__mapper={
                "ConfigMapper": SimpleNamespace(
                    map=lambda *_: lambda network: network,
                    get_object=lambda *_: SimpleNamespace(load_emb_matrix=lambda _: table),
                )
            },
        ):
            sys.modules["anemic.models"].__path__.append(str(folder / "anemic" / "models"))
            models = importlib.import_module(f"anemic.models.{self.file}")
        settings = dict.fromkeys(["dataset_dir", "mimic_dir", "static_dir", "word2vec_dir"], "")
        settings |= {"num_classes": sizes.n_codes, "dropout": 0.2, "num_filter_maps": 50}
        self.criterion = torch.nn.BCEWithLogitsLoss()
        config = SimpleNamespace(version="mimic3", **settings, **self.settings)
        return getattr(models, self.network)(config)

    def loss(self, ids, y):
        return self.criterion(self.module(ids), y)


class _Silent:
    def __getattr__(self, name):
        return lambda *_: None


class AnEMICCAML(AnEMIC):
    file, network = "caml", "ConvAttnPool"
    settings = {  # noqa: RUF012, read only
        "embed_size": 100, "kernel_size": 10, "lmbda": 0, "init_code_emb": False,
        "pad_token": "<pad>", "unk_token": "<unk>",
    }  # fmt: skip


class AnEMICMultiResCNN(AnEMIC):
    file, network = "multirescnn", "MultiResCNN"
    settings = {"filter_size": KERNELS, "conv_layer": 1}  # noqa: RUF012, read only


class AnEMICFusion(AnEMIC):
    file, network = "fusion", "Fusion"
    settings = {  # noqa: RUF012, read only
        "filter_size": KERNELS, "use_attention_pool": True, "pool_size": 2, "conv_layer": 1,
        "use_layer_norm": True, "use_relu": False, "use_transformer": True, "max_length": 2500,
        "transfer_layer": 1, "transfer_attention_head": 4, "transfer_fsize": 1024,
    }  # fmt: skip


SYSTEMS = {
    "CAML": [CAML, EdinCAML, AnEMICCAML],
    "MultiResCNN": [MultiResCNN, EdinMultiResCNN, AnEMICMultiResCNN],
    "LAAT": [LAAT, EdinLAAT],
    "Fusion": [Fusion, AnEMICFusion],
    "LD-PLAM": [LDPLAM],
    "PLM-ICD": [PLMICD, EdinPLMICD],
    "HiLAT": [HiLAT],
}
