"""What every run shares: scope, logging, checkpoints, processes."""

default_scope = 'mmpe'
log_level = 'INFO'
randomness = dict(seed=0)

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='TimedLoggerHook', interval=100),
    param_scheduler=dict(type='ScheduleHook'),
    checkpoint=dict(type='CompleteCheckpointHook', interval=1000),
    sampler_seed=None,
    interrupt=dict(type='InterruptHook'),
    finite_loss=dict(type='FiniteLossHook'),
    work_dir=dict(type='WorkDirHook'),
    same_model=dict(type='SameModelHook'),
    optimizer_settings=dict(type='OptimizerSettingsHook'),
)
log_processor = dict(by_epoch=False)

# To TensorBoard instead of a JSON file: --cfg-options visualizer.vis_backends.0.type=TensorboardVisBackend
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])

# Only used where a launcher starts several processes.
model_wrapper_cfg = dict(type='mmpe.SynchronisedModel')  # MMEngine looks it up without the scope
# A process that waits for longer than `timeout` seconds, as another one hangs, ends the job. All of them wait while
# the first one scores, which takes minutes.
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl', timeout=7200),
)

load_from = None
resume = False
