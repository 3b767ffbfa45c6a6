"""The messages that clients send, field by field. What the embedded model cannot honour is refused here."""

from __future__ import annotations

from typing import Any

from .json_fields import (
    anything,
    flag,
    mapping,
    message,
    name_or_number,
    number,
    one_of,
    repeated,
    struct,
    text,
    unsupported,
    whole,
)

_TEXT_ONLY = unsupported("it reads and writes text only")
_BUCKETS_ONLY = unsupported("it reads and writes Cloud Storage only")
_NO_TOOLS = unsupported("it calls no tools and keeps no cache")

PART = message(
    {
        "text": text,
        "thought": flag,
        "thoughtSignature": text,
        **dict.fromkeys(("inlineData", "fileData", "videoMetadata", "mediaResolution"), _TEXT_ONLY),
        **dict.fromkeys(("functionCall", "functionResponse", "executableCode", "codeExecutionResult"), _NO_TOOLS),
        **dict.fromkeys(("toolCall", "toolResponse"), _NO_TOOLS),
        "partMetadata": struct,
    },
    required=("text",),
)
CONTENT = message({"parts": repeated(PART), "role": text}, required=("parts",))
INSTRUCTION = message({"parts": repeated(PART), "role": text})  # clients that have none may send an empty one


_TYPES = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")


def _schema_type(value: Any, where: str) -> str:
    """A type by its name, in any case, or by its number."""
    name: str = text(value, where) if isinstance(value, str) else one_of(*_TYPES)(value, where)
    return name


def _schema(value: Any, where: str) -> Any:
    return SCHEMA(value, where)  # a schema holds schemas


SCHEMA = message(
    {
        "type": _schema_type,
        **dict.fromkeys(("format", "title", "description", "pattern", "ref"), text),
        **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"), whole),
        **dict.fromkeys(("minimum", "maximum"), number),
        **dict.fromkeys(("enum", "required", "propertyOrdering"), repeated(text)),
        **dict.fromkeys(("example", "default", "additionalProperties"), anything),
        **dict.fromkeys(("properties", "defs"), mapping(_schema)),
        "nullable": flag,
        "anyOf": repeated(_schema),
        "items": _schema,
    }
)
THINKING_LEVELS = ("THINKING_LEVEL_UNSPECIFIED", "LOW", "MEDIUM", "HIGH", "MINIMAL")
GENERATION_CONFIG = message(
    {
        **dict.fromkeys(("temperature", "topP", "topK", "presencePenalty", "frequencyPenalty"), number),
        **dict.fromkeys(("candidateCount", "maxOutputTokens", "seed", "logprobs"), whole),
        **dict.fromkeys(("responseLogprobs", "enableEnhancedCivicAnswers", "audioTimestamp"), flag),
        "stopSequences": repeated(text),
        "responseMimeType": text,
        "responseSchema": SCHEMA,
        "responseJsonSchema": anything,
        "thinkingConfig": message(
            {"includeThoughts": flag, "thinkingBudget": whole, "thinkingLevel": one_of(*THINKING_LEVELS)}
        ),
        "responseModalities": repeated(one_of("MODALITY_UNSPECIFIED", "TEXT")),
        "mediaResolution": name_or_number,
        **dict.fromkeys(("speechConfig", "imageConfig", "audioTranscriptionConfig"), _TEXT_ONLY),
        **dict.fromkeys(("routingConfig", "modelConfig"), struct),
        "continuationToken": unsupported("it keeps no conversation"),
    }
)
_GENERATE_FIELDS = {
    "model": text,
    "contents": repeated(CONTENT),
    "systemInstruction": INSTRUCTION,
    "generationConfig": GENERATION_CONFIG,
    "safetySettings": repeated(struct),
    "labels": struct,
    "serviceTier": text,
    "store": flag,
    "modelArmorConfig": struct,
    **dict.fromkeys(("tools", "toolConfig", "cachedContent"), _NO_TOOLS),
}
GENERATE_REQUEST = message(_GENERATE_FIELDS, required=("contents",))
COUNT_REQUEST = message({**_GENERATE_FIELDS, "generateContentRequest": GENERATE_REQUEST})

_HYPERPARAMETERS = {
    "epochCount": whole,
    "batchSize": whole,
    "learningRate": number,
    "learningRateMultiplier": number,
}
TUNED_MODEL = message(
    {
        "name": text,
        "baseModel": text,
        "displayName": text,
        "description": text,
        **dict.fromkeys(("temperature", "topP", "topK"), number),
        "readerProjectNumbers": repeated(text),
        "tuningTask": message(
            {
                "hyperparameters": message(_HYPERPARAMETERS),
                "trainingData": message(
                    {
                        "examples": message(
                            {
                                "examples": repeated(
                                    message({"textInput": text, "output": text}, required=("textInput", "output"))
                                )
                            },
                            required=("examples",),
                        )
                    },
                    required=("examples",),
                ),
            },
            required=("trainingData",),
        ),
        "tunedModelSource": unsupported("only base models are tuned"),
    },
    required=("baseModel", "tuningTask"),
)
BATCH = message(
    {
        "batch": message(
            {
                "name": text,
                "model": text,
                "displayName": text,
                "priority": whole,
                "inputConfig": message(
                    {
                        "requests": message(
                            {
                                "requests": repeated(
                                    message({"request": anything, "metadata": struct}, required=("request",))
                                )
                            },
                            required=("requests",),
                        ),
                        "fileName": text,
                    }
                ),
                "webhookConfig": unsupported("it calls nobody"),
            },
            required=("inputConfig",),
        )
    },
    required=("batch",),
)
BATCH_LINE = message({"key": text, "request": anything}, required=("request",))
FILE = message({"file": message(dict.fromkeys(("name", "displayName", "mimeType", "sizeBytes"), anything))})
TUNING_JOB = message(
    {
        "baseModel": text,
        "tunedModelDisplayName": text,
        "description": text,
        "labels": struct,
        "experiment": text,
        "supervisedTuningSpec": message(
            {
                "trainingDatasetUri": text,
                "validationDatasetUri": text,
                "hyperParameters": message({**_HYPERPARAMETERS, "adapterSize": name_or_number}),
                "exportLastCheckpointOnly": flag,
                "tuningMode": name_or_number,
                "evaluationConfig": unsupported("it does not evaluate"),
            },
            required=("trainingDatasetUri",),
        ),
        **dict.fromkeys(
            ("preferenceOptimizationSpec", "distillationSpec", "reinforcementTuningSpec"),
            unsupported("it is tuned by supervised examples only"),
        ),
        **dict.fromkeys(("preTunedModel", "customBaseModel"), unsupported("only base models are tuned")),
        **dict.fromkeys(("outputUri", "encryptionSpec", "serviceAccount"), anything),
    },
    required=("baseModel", "supervisedTuningSpec"),
)
PREDICTION_JOB = message(
    {
        "displayName": text,
        "model": text,
        "inputConfig": message(
            {
                "instancesFormat": one_of("JSONL"),
                "gcsSource": message({"uris": repeated(text)}, required=("uris",)),
                **dict.fromkeys(("bigquerySource", "vertexMultimodalDatasetSource"), _BUCKETS_ONLY),
            },
            required=("instancesFormat", "gcsSource"),
        ),
        "outputConfig": message(
            {
                "predictionsFormat": one_of("JSONL"),
                "gcsDestination": message({"outputUriPrefix": text}, required=("outputUriPrefix",)),
                **dict.fromkeys(("bigqueryDestination", "vertexMultimodalDatasetDestination"), _BUCKETS_ONLY),
            },
            required=("predictionsFormat", "gcsDestination"),
        ),
        "labels": struct,
        **dict.fromkeys(("instanceConfig", "modelParameters", "encryptionSpec", "serviceAccount"), anything),
    },
    required=("displayName", "model", "inputConfig", "outputConfig"),
)
PREDICTION_LINE = message({"request": anything}, required=("request",))
TRAINING_LINE = message(
    {"contents": repeated(CONTENT), "systemInstruction": INSTRUCTION, "labels": struct}, required=("contents",)
)
BUCKET = message({"name": text, "location": text, "storageClass": text, "labels": struct}, required=("name",))
